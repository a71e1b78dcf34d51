"""A story on disk, kept safe."""

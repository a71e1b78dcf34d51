"""What each command does once its command line is read."""

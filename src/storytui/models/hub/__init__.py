"""Everything that talks to the Hugging Face Hub: what is there, and how it gets here.

`asking` and `download` are what others use. They run `child` in a process of its own, the only
one in which huggingface_hub is imported: its switches are read at import, ending the process
cancels whatever it does, and nothing of it is heard in the editor.
"""

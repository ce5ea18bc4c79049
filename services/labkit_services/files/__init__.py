"""Files and folders whose paths are not trusted."""

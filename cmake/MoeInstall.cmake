# Install rules: filled by the subdirectories.

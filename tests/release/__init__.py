"""What a release is made of: the distribution, the artifacts, and the words of README and docs/release.md."""

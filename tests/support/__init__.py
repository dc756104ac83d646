"""What several parts of the tests share: real programs to test against, with verbs."""

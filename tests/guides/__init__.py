"""The features of Google's two guides to the Live API, one test for each, named by its row in docs/live-api.md."""

"""The sound card: microphone, speaker, echo canceller; and the pure parts that need none of them."""

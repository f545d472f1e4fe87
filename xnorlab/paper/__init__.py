"""The paper's arithmetic, without torch: what it predicts and publishes, and one dot product of signs."""

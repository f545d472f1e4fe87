"""What is shipped, without torch: recipes, training histories and costs of the networks in `pretrained/`."""

"""What is shipped in `pretrained/`, read without torch.

`manifest` has one checked record per network, `files` its packed file and weights, `recipe` how it was trained,
`history` how it learned, `cost` what it takes and gives, `ablations` what was measured one change at a time.
"""

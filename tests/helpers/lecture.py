"""One ReLU of a lecture on explaining networks, forward and backwards by three rules."""

# A lecture on explaining networks, part 2: X goes forward through a ReLU, R arrives backwards.
X = [[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]]
R = [[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]]
GRADIENT = [[-2, 0, -1], [6, 0, 0], [0, -1, 3]]
DECONV = [[0, 3, 0], [6, 0, 1], [2, 0, 3]]
GUIDED = [[0, 0, 0], [6, 0, 0], [0, 0, 3]]

"""np.linalg: first-order rules; second order by nesting."""

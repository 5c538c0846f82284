"""Floats and instances: bodies under gravity."""


class Body:
    def __init__(self, mass, x, y, vx, vy):
        self.mass = mass
        self.x, self.y = x, y
        self.vx, self.vy = vx, vy


bodies = [Body(10.0, 0.0, 0.0, 0.0, 0.0), Body(1.0, 5.0, 0.0, 0.0, 1.4), Body(0.5, 0.0, 9.0, -1.0, 0.0)]


def accelerate(dt):
    for body in bodies:
        ax = ay = 0.0
        for other in bodies:
            if other is not body:
                dx, dy = other.x - body.x, other.y - body.y
                distance = (dx * dx + dy * dy) ** 0.5
                pull = other.mass / distance**3
                ax += pull * dx
                ay += pull * dy
        body.vx += ax * dt
        body.vy += ay * dt


for tick in range(120):
    accelerate(0.01)
    for body in bodies:
        body.x += body.vx * 0.01
        body.y += body.vy * 0.01
print(round(bodies[1].x, 6))

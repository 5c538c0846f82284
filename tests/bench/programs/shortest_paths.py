"""Dijkstra over a grid graph: dictionaries of lists, a heap, tuples."""

import heapq

graph = {}
for x in range(14):
    for y in range(14):
        edges = []
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            if 0 <= x + dx < 14 and 0 <= y + dy < 14:
                edges.append(((x + dx, y + dy), (x * y + dx) % 7 + 1))
        graph[x, y] = edges


def dijkstra(start):
    distance = {start: 0}
    queue = [(0, start)]
    while queue:
        far, node = heapq.heappop(queue)
        if far > distance[node]:
            continue
        for neighbour, weight in graph[node]:
            through = far + weight
            if through < distance.get(neighbour, 10**9):
                distance[neighbour] = through
                heapq.heappush(queue, (through, neighbour))
    return distance


print(max(dijkstra((0, 0)).values()))

"""Graphs as dictionaries of lists: a breadth-first walk, an order of tasks, sets that are united."""

from collections import deque

EDGES = [(number, number * 3 % 50) for number in range(50)] + [(number, number + 7) for number in range(0, 40, 3)]


def neighbours(edges):
    graph = {}
    for left, right in edges:
        graph.setdefault(left, []).append(right)
        graph.setdefault(right, []).append(left)
    return graph


def reachable(graph, start):
    distance = {start: 0}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for following in graph[node]:
            if following not in distance:
                distance[following] = distance[node] + 1
                queue.append(following)
    return distance


def order(tasks):
    waiting = {task: set(needs) for task, needs in tasks.items()}
    done = []
    while waiting:
        ready = sorted(task for task, needs in waiting.items() if not needs)
        if not ready:
            raise ValueError("tasks wait for each other")
        for task in ready:
            done.append(task)
            del waiting[task]
        for needs in waiting.values():
            needs.difference_update(ready)
    return done


def find(leaders, node):
    while leaders[node] != node:
        leaders[node] = leaders[leaders[node]]
        node = leaders[node]
    return node


graph = neighbours(EDGES)
farthest = 0
for start in range(0, 50, 5):
    farthest = max(farthest, max(reachable(graph, start).values()))
leaders = {node: node for node in graph}
for left, right in EDGES:
    leaders[find(leaders, left)] = find(leaders, right)
tasks = {task: [need for need in range(task) if task % (need + 2) == 0] for task in range(40)}
print(farthest, len({find(leaders, node) for node in graph}), order(tasks)[-3:])

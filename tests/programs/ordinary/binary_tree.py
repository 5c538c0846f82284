class Node:
    def __init__(self, key):
        self.key = key
        self.left = None
        self.right = None


def insert(root, key):
    if root is None:
        return Node(key)
    if key < root.key:
        root.left = insert(root.left, key)
    else:
        root.right = insert(root.right, key)
    return root


def in_order(root):
    if root is not None:
        yield from in_order(root.left)
        yield root.key
        yield from in_order(root.right)


tree = None
for key in (5, 2, 8, 1, 9):
    tree = insert(tree, key)
print(list(in_order(tree)))

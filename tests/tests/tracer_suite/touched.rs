//! Lines after which the native tracer compares nothing but what shows the objects that they change, and lines that
//! change others, too. As in `calm`, what it tells is held against the tracer that always compares everything.

use super::calm::check_agrees;

#[test]
fn an_object_changes_wherever_it_is_shown() {
    check_agrees(
        "
        class Box:
            def __init__(self, inner):
                self.inner = inner
        def f(shared):
            alias, pair, box, table = shared, (shared, 1), Box(shared), {'k': [shared]}
            ring = [shared]
            ring.append(ring)
            window, again = iter(shared), {1: 2}.values()
            for i in range(4):
                shared[0] = i
                shared.append(i)
                alias.pop()
                box.inner[1] = [i]
                box.size = i
                table['k'][0].append(i)
                table['k'].append(i)
                ring[0][0] += 1
                del shared[-1]
            return shared
        kept = f([1, 2, 3])
        f(kept)
        ",
    );
}

#[test]
fn the_dict_of_an_instance_and_its_attributes_change_together() {
    check_agrees(
        "
        class Point:
            def __init__(self, x):
                self.x = x
        class Other:
            pass
        def f(point, other):
            for i in range(4):
                point.x = i
                inside = point.__dict__
                inside['x'] = [i]
                inside['y'] = i
                point.y = i + 1
                other.__dict__ = inside
                other.x = i + 2
                inside['x'] = i + 3
                n = vars(other)['x']
        f(Point(1), Other())
        f(Point(1), Other())
        ",
    );
}

#[test]
fn what_a_class_does_in_the_place_of_the_built_in_operation_shows() {
    check_agrees(
        "
        seen = []
        class Items(list):
            def __setitem__(self, index, value):
                seen.append(index)
                list.__setitem__(self, index, value)
            def append(self, value):
                seen.append(value)
            def __len__(self):
                seen.append('len')
                return 3
        class Table(dict):
            def __missing__(self, key):
                seen.append(key)
                return 0
            def get(self, key, default=None):
                seen.append(key)
        class Guarded:
            def __setattr__(self, name, value):
                seen.append(name)
                object.__setattr__(self, name, value)
        class Computed:
            @property
            def x(self):
                return len(seen)
            @x.setter
            def x(self, value):
                seen.append(value)
        class Slotted:
            __slots__ = ('x', 'y')
        class Key:
            def __init__(self, n): self.n = n
            def __hash__(self): return 1
            def __eq__(self, other):
                seen.append('eq')
                return True
        def f(items, table, keyed):
            objects = [Guarded(), Computed(), Slotted()]
            for i in range(4):
                items[0] = i
                items.append(i)
                n = len(items)
                n = table.get(i)
                n = table[i]
                for each in objects:
                    each.x = i
                keyed[1] = i
                n = 1 in keyed
                n = keyed.get(1)
        f(Items([1]), Table(), {Key(1): 1})
        f([1], {0: 0, 1: 1, 2: 2, 3: 3}, {})
        f(Items([1]), Table(), {Key(1): 1})
        ",
    );
}

#[test]
fn what_goes_with_an_element_or_an_attribute_shows() {
    check_agrees(
        "
        import weakref
        seen = []
        class Thing:
            pass
        class Mourned:
            def __del__(self):
                seen.append('gone')
        def f(items, table, box):
            for i in range(4):
                thing = Thing()
                weakref.finalize(thing, seen.append, i)
                items[0] = thing
                table['k'] = [thing]
                box.thing = Mourned()
                del thing
                items[0] = i
                table['k'] = i
                box.thing = i
                items[0] = i + 1
                table['k'] = i + 1
                box.thing = i + 1
                items.append(Mourned())
                items.pop()
                n = items.pop() if len(items) > 1 else 0
        f([0], {}, Thing())
        f([0], {}, Thing())
        ",
    );
}

#[test]
fn another_object_where_one_stood_that_went_is_another() {
    check_agrees(
        "
        def f():
            kept, x, table = [], [1, 2], {'k': [5, 6]}
            def rebind(n):
                nonlocal x
                kept.append(x)
                x = None
                kept[0] = [n]
                kept.pop()
                x = [n, n + 1]
            for i in range(4):
                rebind(i)
                n = i
                y = table['k']
                y = None
                table['k'] = [i]; y = [i, i]
                x = y
        f()
        f()
        ",
    );
}

#[test]
fn names_that_are_not_what_they_were_are_looked_up() {
    check_agrees(
        "
        import types
        seen = []
        def noting(x):
            seen.append(x)
            return 7
        def f(items):
            for i in range(3):
                n = len(items)
                n = abs(i)
                n = max(i, n)
        f([1])
        f([1])
        len = noting
        f([1])
        del len
        f([1])
        types.FunctionType(f.__code__, {'len': noting, 'range': range, 'abs': noting, 'max': max})([1])
        f([1])
        globals()['abs'] = noting
        f([1])
        ",
    );
}

#[test]
fn several_changes_on_one_line_are_seen_in_their_order() {
    check_agrees(
        "
        seen = []
        class Thing:
            def __del__(self):
                seen.append(1)
        class Box:
            pass
        def f(a, b, box):
            for i in range(4):
                a[0] = b; a[0].append(i)
                a[0] = i; a[0] = [i]; a[0].append(2)
                box.x = b; box.x = i; box.x = b; box.x.append(3)
                a[0] = Thing(); a[0] = i
                a[0], a[1] = a[1], a[0]
                b[0], b[1] = b[1], b[0]
                x = b.pop(); b.append(x); x = None
                b.append(i); b.append([i]); b.pop()
                try:
                    a.append(i); b[100] = 1
                except IndexError:
                    n = len(a)
                globals()['later'] = i; n = later
        later = 0
        f([1, 2], [3, 4, 5], Box())
        f([1, 2], [3, 4, 5], Box())
        ",
    );
}

#[test]
fn views_and_buffers_show_what_is_changed_behind_them() {
    check_agrees(
        "
        from collections import deque
        def f():
            table, items, data, queue = {'a': 1}, [1, 2, 3], bytearray(b'abcdef'), deque([1, 2])
            keys, values, walk, view = table.keys(), table.items(), iter(items), memoryview(data)
            turned, numbered, bounded = reversed(items), enumerate(items), deque([1, 2], 2)
            for i in range(4):
                table['b'] = i
                table['a'] += 1
                items[1] = i
                items.append(i)
                data[i] = 65
                queue.append(i)
                n = queue.popleft()
                bounded.append([i])
                n = next(walk)
                items.reverse()
                items.sort()
                n = data[i] + items[i]
        f()
        f()
        ",
    );
}

#[test]
fn containers_of_containers_are_read_without_being_changed() {
    check_agrees(
        "
        def f(grid, graph):
            total, size = 0, len(grid)
            for i in range(size):
                for j in range(size):
                    total += grid[(i + 1) % size][(j + 1) % size]
                    grid[i][j] = total % 7
                    grid[i][j] -= grid[j][i]
                    text = 'abc'[j % 3] + str(total).rjust(5)
                    short = text[1:3].strip().split('0')
                    known = (i, j) in graph and graph[i, j] or graph.get((j, i), 0)
                    graph[i, j] = known + 1
                    first, second = grid[i][:2]
                    best = max(grid[i]) + min(i, j) + sum(grid[j])
                    row = grid[i]
                    row += [total] if i > 5 else []
                for left, right in [(i, 1), (2, i)]:
                    total += left * right
        f([[1, 2, 3], [4, 5, 6], [7, 8, 9]], {})
        f([[1, 2, [3]], [4, 5, 6], [7, (8,), 9]], {(0, 0): [1]} if 0 else {(0, 0): 1})
        ",
    );
}

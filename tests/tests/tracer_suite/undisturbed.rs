//! What a program can see of itself is what it would see untraced.

use super::self_tracing::undisturbed;

#[test]
fn a_thread_recurses_as_deep_as_untraced() {
    undisturbed(
        "
        import sys, threading
        def f(n):
            try: return f(n + 1)
            except RecursionError: return n
        for limit in 100, 400, 900:
            sys.setrecursionlimit(limit)
            t = threading.Thread(target=lambda: print(limit, f(0)))
            t.start()
            t.join()
        ",
    );
}

#[test]
fn collections_come_when_they_would_come() {
    undisturbed(
        "
        import gc
        class Node:
            def __init__(self, next):
                self.next = next
                self.items = [next]
        def f(seen):
            gc.callbacks.append(lambda phase, info: seen.append(phase))
            gc.collect()
            gc.set_threshold(50, 3, 3)
            gc.enable()
            for _ in range(300):
                a = Node(None)
                a.next = Node(a)
            gc.disable()
        seen = []
        f(seen)
        print(len(seen))
        ",
    );
}

#[test]
fn no_reference_is_held_to_what_can_grow_or_be_finalised() {
    undisturbed(
        "
        import sys, weakref
        class Thing:
            def __del__(self): print('gone')
        def f():
            text = 'x' * 1000
            items, table, members = [1], {'a': 1}, {1}
            thing = Thing()
            print([sys.getrefcount(value) for value in (text, items, table, members, thing)])
            look = weakref.ref(thing)
            del thing
            print(look())
        f()
        ",
    );
}

#[test]
fn exceptions_tracebacks_and_warnings_read_as_they_would() {
    undisturbed(
        "
        import sys, traceback, warnings
        def f(n):
            return f(n - 1) if n else 1 / n
        try: f(3)
        except ZeroDivisionError as error:
            print(traceback.format_exc())
            print([frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            warnings.warn('careful')
        print([(str(w.message), w.filename, w.lineno) for w in caught])
        print(traceback.format_stack()[-1])
        ",
    );
}

#[test]
fn built_in_functions_are_the_ones_that_they_would_be() {
    undisturbed(
        "
        import inspect, os, pickle, random, sys, time
        for function in time.time, time.sleep, os.stat, os.getpid, random.random, sys.settrace, sys.gettrace:
            print(repr(function).split(' at ')[0], function.__name__, function.__module__, callable(function))
            print(function.__doc__ and function.__doc__[:40], getattr(function, '__text_signature__', None))
        print(pickle.loads(pickle.dumps(time.time)) is time.time, inspect.isbuiltin(time.time))
        for call in lambda: time.sleep(), lambda: time.time(1), lambda: os.stat(), lambda: random.random(1):
            try: call()
            except TypeError as error: print(error)
        try: time.sleep(-1)
        except ValueError as error: print(error)
        random.seed(5)
        print(random.random(), random.getrandbits(70), random.sample(range(99), 5))
        print(sorted(os.environ), os.environ == dict(os.environ), os.environ.get('HOME') is not None)
        os.environ['A'] = 'b'
        print(os.environ['A'], os.environ.pop('A'), 'A' in os.environ, os.environb.get(b'A'))
        ",
    );
}

#[test]
fn audit_hooks_of_the_programs_own_hear_what_they_would_hear() {
    undisturbed(
        "
        import sys
        heard = []
        sys.addaudithook(lambda event, arguments: heard.append(event))
        open('a', 'w').close()
        compile('1', 's', 'eval')
        id(1)
        print(heard)
        ",
    );
}

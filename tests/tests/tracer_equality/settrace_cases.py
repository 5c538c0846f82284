# Stands behind the tests of `sys.settrace` that come with an interpreter, in one module with them.

import json
import warnings


def et_run_each(case):
    for name in unittest.defaultTestLoader.getTestCaseNames(case):
        try:
            getattr(case(name), name)()
        except unittest.SkipTest:
            pass


class EtCases(TraceTestCase):
    """Calls what the tests would have traced, once it has printed what they expect of it."""

    def run_and_compare(self, func, events):
        print(json.dumps([self._testMethodName, func.__code__.co_firstlineno, events]), flush=True)
        func()

    def run_test2(self, func):
        """These are traced from their middle on."""


def et_tell_cases():
    et_run_each(EtCases)


class EtJumps(JumpTestCase):
    """Calls what the tests would have jumped about in, has it jump, and prints what a trace function was told of it."""

    def run_and_compare(self, func, tracer):
        told = []

        def trace(frame, event, arg):
            is_end_of_loop = event == 'exception' and arg[0] is StopIteration
            if frame.f_code.co_filename == et_run_each.__code__.co_filename and not is_end_of_loop:
                told.append((frame.f_lineno, event))
            tracer.trace(frame, event, arg)
            return trace

        sys.settrace(trace)
        try:
            func()
        except Exception:
            pass
        sys.settrace(None)
        print(json.dumps([self._testMethodName, 0, told]), flush=True)

    def run_test(self, func, jump_from, jump_to, expected, error=None, event='line', decorated=False, warning=None):
        if error is not None or 'no_jump' in self._testMethodName:
            return  # It may not jump there.
        inner = func
        while hasattr(inner, '__wrapped__'):
            inner = inner.__wrapped__
        tracer = JumpTracer(inner, jump_from, jump_to, event, decorated)
        is_async = inner.__code__.co_flags & 0x280
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            self.run_and_compare((lambda: asyncio.run(func([]))) if is_async else (lambda: func([])), tracer)

    run_async_test = run_test


def et_tell_jumps():
    et_run_each(EtJumps)


def et_run_tests():
    """Runs the tests as they are; returns the names of those that did not pass."""
    del globals()['EtCases'], globals()['EtJumps']
    result = unittest.TestResult()
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    suite.run(result)
    assert result.testsRun > 200
    return sorted('.'.join(test.id().split('.')[1:]) for test, _ in result.failures + result.errors)

/* A trace function that does nothing, which is what CPython itself charges for an event.
 *
 * `lines()` has it called for every line of the calling thread, `opcodes()` for every instruction too, and
 * `stop()` ends that and tells how many lines and instructions there were. Made by `make bench-tracer`. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

static unsigned long long seen_lines;
static unsigned long long seen_opcodes;

static int nothing(PyObject *Py_UNUSED(self), PyFrameObject *Py_UNUSED(frame), int what, PyObject *Py_UNUSED(argument))
{
    seen_lines += what == PyTrace_LINE;
    return 0;
}

/* A frame reports its instructions only once it has been asked to, and on 3.13 only if it has a trace function. */
static int ask_for_opcodes(PyFrameObject *frame)
{
    PyObject *object = (PyObject *)frame;
    return PyObject_SetAttrString(object, "f_trace", Py_Ellipsis) < 0
        || PyObject_SetAttrString(object, "f_trace_opcodes", Py_True) < 0;
}

static int nothing_per_opcode(PyObject *Py_UNUSED(self), PyFrameObject *frame, int what, PyObject *Py_UNUSED(argument))
{
    seen_opcodes += what == PyTrace_OPCODE;
    return what == PyTrace_CALL && ask_for_opcodes(frame) ? -1 : 0;
}

static PyObject *lines(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    seen_lines = seen_opcodes = 0;
    PyEval_SetTrace(nothing, NULL);
    Py_RETURN_NONE;
}

static PyObject *opcodes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    seen_lines = seen_opcodes = 0;
    /* 3.12 switches the events on only if a frame asks for them before it gets the trace function. */
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame != NULL && ask_for_opcodes(frame))
        return NULL;
    PyEval_SetTrace(nothing_per_opcode, NULL);
    Py_RETURN_NONE;
}

static PyObject *stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyEval_SetTrace(NULL, NULL);
    return Py_BuildValue("KK", seen_lines, seen_opcodes);
}

static PyMethodDef methods[] = {
    {"lines", lines, METH_NOARGS, NULL},
    {"opcodes", opcodes, METH_NOARGS, NULL},
    {"stop", stop, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "callback", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_callback(void)
{
    return PyModule_Create(&definition);
}

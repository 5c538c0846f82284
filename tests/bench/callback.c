/* Callbacks that do nothing, which is what CPython itself charges for an event.
 *
 * `start(lines)` has one called for every line of the calling thread, and for every instruction where `lines` is
 * false, until `stop()`. `nothing` is one for `sys.monitoring`. Compiled by `bench-tracer`. */

#include <Python.h>

static int line(PyObject *Py_UNUSED(self), PyFrameObject *Py_UNUSED(frame), int Py_UNUSED(what),
                PyObject *Py_UNUSED(argument))
{
    return 0;
}

static int instruction(PyObject *Py_UNUSED(self), PyFrameObject *frame, int what, PyObject *Py_UNUSED(argument))
{
    if (what == PyTrace_CALL)
        return PyObject_SetAttrString((PyObject *)frame, "f_trace_opcodes", Py_True);
    return 0;
}

static PyObject *start(PyObject *Py_UNUSED(module), PyObject *lines)
{
    PyEval_SetTrace(lines == Py_True ? line : instruction, NULL);
    Py_RETURN_NONE;
}

static PyObject *stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyEval_SetTrace(NULL, NULL);
    Py_RETURN_NONE;
}

static PyObject *nothing(PyObject *Py_UNUSED(module), PyObject *const *Py_UNUSED(arguments),
                         Py_ssize_t Py_UNUSED(count))
{
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"start", start, METH_O, NULL},
    {"stop", stop, METH_NOARGS, NULL},
    {"nothing", (PyCFunction)(void (*)(void))nothing, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "callback",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_callback(void)
{
    return PyModule_Create(&definition);
}

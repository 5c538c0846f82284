/* A trace function that does nothing, which is what CPython itself charges for an event.
 *
 * `start()` has it called for every line of the calling thread, until `stop()`. Compiled by `bench-tracer`. */

#include <Python.h>

static int nothing(PyObject *Py_UNUSED(self), PyFrameObject *Py_UNUSED(frame), int Py_UNUSED(what),
                   PyObject *Py_UNUSED(argument))
{
    return 0;
}

static PyObject *start(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyEval_SetTrace(nothing, NULL);
    Py_RETURN_NONE;
}

static PyObject *stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyEval_SetTrace(NULL, NULL);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"start", start, METH_NOARGS, NULL},
    {"stop", stop, METH_NOARGS, NULL},
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

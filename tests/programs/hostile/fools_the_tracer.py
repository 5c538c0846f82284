import sys


class Liar:
    def __repr__(self):
        raise SystemExit("repr was run")

    def __eq__(self, other):
        raise SystemExit("eq was run")

    def __getattribute__(self, name):
        raise SystemExit("getattribute was run")


sys.settrace(None)
sys.setprofile(None)
liar = Liar()
held = [liar, {"liar": liar}]
del held
print("nobody looked")

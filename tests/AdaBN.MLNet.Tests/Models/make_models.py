"""Makes the models here: one BatchNormalization over x (N, 4), then what a test of scoring is about.

    python3 make_models.py     # onnx 1.12 (Debian 12: python3-onnx; call /usr/bin/python3)
"""
import numpy as np
from onnx import TensorProto as T, helper as h, numpy_helper, save

vi = h.make_tensor_value_info


def make(name, nodes, outputs, x=("N", 4), input="x", normalizes=True, **constants):
    channels = x[1]
    constants |= dict(scale=np.linspace(1, 2, channels), bias=np.linspace(-1, 1, channels), mean=np.zeros(channels), var=np.ones(channels))
    tensors = [numpy_helper.from_array(a if a.dtype == np.int64 else a.astype(np.float32), n) for n, a in constants.items()]
    bn = h.make_node("BatchNormalization", [input, "scale", "bias", "mean", "var"], ["h"]) if normalizes else h.make_node("Identity", [input], ["h"])
    model = h.make_model(h.make_graph([bn, *nodes], name, [vi(input, T.FLOAT, x)], outputs, tensors if normalizes else []), opset_imports=[h.make_opsetid("", 13)])
    model.ir_version = 7
    save(model, f"{name}.onnx")


node = h.make_node
relu = node("Relu", ["h"], ["y"])
make("open_batch", [relu], [vi("y", T.FLOAT, ["N", 4])])
make("fixed_batch1", [relu], [vi("y", T.FLOAT, [1, 4])], x=(1, 4))
# Outputs of other types, one without the second axis, and a name that ML.NET shortens.
make("many_types", [relu, node("ArgMax", ["y"], ["best"], axis=1, keepdims=0), node("Greater", ["y", "zero"], ["positive"]),
                    node("Cast", ["h"], ["wide"], to=T.DOUBLE), node("Cast", ["h"], ["narrow.output"], to=T.INT8)],
     [vi("y", T.FLOAT, ["N", 4]), vi("best", T.INT64, ["N"]), vi("positive", T.BOOL, ["N", 4]), vi("wide", T.DOUBLE, ["N", 4]), vi("narrow.output", T.INT8, ["N", 4])],
     zero=np.zeros(1))
make("text_output", [node("Cast", ["h"], ["y"], to=T.STRING)], [vi("y", T.STRING, ["N", 4])])
# The output's length is not in the file.
make("open_output", [node("Relu", ["h"], ["z"]), node("Flatten", ["z"], ["y"])], [vi("y", T.FLOAT, ["N", "M"])])
# Rows of a batch change each other: a row alone gives zeros.
make("mixing", [node("ReduceMean", ["h"], ["m"], axes=[0]), node("Sub", ["h", "m"], ["y"])], [vi("y", T.FLOAT, ["N", 4])])
# All rows end in one, or more than one fails.
make("joining", [node("Reshape", ["h", "shape"], ["y"])], [vi("y", T.FLOAT, [1, "M"])], shape=np.array([1, -1]))
make("one_row_only", [node("Reshape", ["h", "shape"], ["y"])], [vi("y", T.FLOAT, ["N", 4])], shape=np.array([1, 4]))
make("open_image", [relu], [vi("y", T.FLOAT, ["N", 2, "H", "W"])], x=("N", 2, "H", "W"))
# Steps behind the golden case conv_chain, whose output they take.
make("behind", [node("Relu", ["h"], ["calibrated"])], [vi("calibrated", T.FLOAT, ["N", 5])], x=("N", 5), input="logits")
make("behind_unnormalized", [node("Relu", ["h"], ["calibrated"])], [vi("calibrated", T.FLOAT, ["N", 5])], x=("N", 5), input="logits", normalizes=False)

"""Writes the golden models `conv_chain` and `view_flatten` again with their tensors in a file beside them, by the onnx package's own writer.

The twin of `X/model.onnx` is ../Golden/X/model.onnx. Run with onnx 1.12: python3 make_models.py
"""
import pathlib

import onnx

HERE = pathlib.Path(__file__).parent

for name in ["conv_chain", "view_flatten"]:
    model = onnx.load(str(HERE.parent / "Golden" / name / "model.onnx"))
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "weights.bin").unlink(missing_ok=True)
    onnx.save_model(model, str(folder / "model.onnx"), save_as_external_data=True, all_tensors_to_one_file=True,
                    location="weights.bin", size_threshold=0, convert_attribute=True)

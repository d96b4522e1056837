using AdaBN.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Tests;

/// <summary>Plain ONNX Runtime, as a user of the exported file would call it.</summary>
internal static class Scoring
{
    /// <summary>
    /// First output for all samples; models with a fixed batch axis are fed batch by batch, the last one filled with its first sample.
    /// Numbers are converted to what the model takes.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="tensors">Its inputs.</param>
    /// <param name="ids">For a bank: the samples' domains, or one for all.</param>
    public static float[] Run(OnnxModel model, IReadOnlyDictionary<string, (float[] Data, int[] Shape)> tensors, params long[] ids) => Run(model, tensors, GraphOptimizationLevel.ORT_ENABLE_ALL, ids);

    /// <summary>The same with fewer of ONNX Runtime's optimizations.</summary>
    public static float[] Run(OnnxModel model, IReadOnlyDictionary<string, (float[] Data, int[] Shape)> tensors, GraphOptimizationLevel optimizations, params long[] ids)
    {
        using var sessionOptions = new SessionOptions { GraphOptimizationLevel = optimizations };
        using var session = new InferenceSession(model.ToBytes(), sessionOptions);
        int samples = tensors.Values.First().Shape[0];
        int batch = Math.Max(-1, session.InputMetadata.First().Value.Dimensions[0]);
        if (batch < 1) batch = samples;
        List<float> scores = [];
        for (int start = 0; start < samples; start += batch)
        {
            int valid = Math.Min(batch, samples - start);
            var inputs = tensors.ToDictionary(tensor => tensor.Key, tensor =>
            {
                int length = tensor.Value.Data.Length / samples;
                var buffer = new float[batch * length];
                for (int i = 0; i < batch; i++) tensor.Value.Data.AsSpan((start + (i < valid ? i : 0)) * length, length).CopyTo(buffer.AsSpan(i * length));
                var type = (ElementType)session.InputMetadata[tensor.Key].ElementDataType;
                OrtValue value = OrtValue.CreateAllocatedTensorValue(
                    OrtAllocator.DefaultInstance, session.InputMetadata[tensor.Key].ElementDataType, [batch, .. tensor.Value.Shape[1..].Select(axis => (long)axis)]);
                type.Write([.. buffer.Select(number => (double)number)]).CopyTo(value.GetTensorMutableRawData());
                return value;
            });
            if (ids.Length > 0)
            {
                long[] picked = ids.Length == 1 ? ids : [.. Enumerable.Range(0, batch).Select(i => ids[start + (i < valid ? i : 0)])];
                inputs.Add(DomainBank.Open(model).InputName!, OrtValue.CreateTensorValueFromMemory(picked, [picked.Length, 1]));
            }
            using var options = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, inputs, [session.OutputNames[0]]);
            var outputType = (ElementType)outputs[0].GetTensorTypeAndShape().ElementDataType;
            float[] output = [.. outputType.Read(outputs[0].GetTensorMutableRawData())!.Select(number => (float)number)];
            scores.AddRange(output[..(output.Length / batch * valid)]);
            foreach (OrtValue input in inputs.Values) input.Dispose();
        }
        return [.. scores];
    }
}

using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Planning;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace AdaBN.Judgement;

/// <summary>The class scores that plain ONNX Runtime gives for the whole model as its file has it.</summary>
internal static class ModelScores
{
    /// <summary>A row of scores for each sample; null where the output is not one score a class for each.</summary>
    /// <param name="model">The model.</param>
    /// <param name="output">The output to read.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="domain">The input that picks domains, and the one for all samples; null where the model has none.</param>
    /// <param name="threads">Threads of ONNX Runtime; 0: one a core.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="AdaptationException">Data and model do not fit, or ONNX Runtime refuses the model.</exception>
    public static float[][]? Of(
        OnnxModel model, Value output, ISampleSource samples, (string Input, long Id)? domain, int threads, IProgress<AdaptationProgress>? progress, CancellationToken cancellationToken)
    {
        InputBinding binding = InputBinding.Bind(model, [.. model.Graph.RequiredInputs.Where(input => input.Name != domain?.Input)], samples.Inputs, anyPrecision: true);
        int rows = BatchSizing.RowsOf(binding.FixedBatch, canRegroup: true, sizeof(float) * binding.Sources.Max(source => (long)source.Input.Length), samples.Count);
        Memory<float>[] buffers = [.. binding.Sources.Select(source => new float[rows * source.Input.Length].AsMemory())];
        string[] names = [.. binding.Sources.Select(source => source.Target!.Name), .. domain is { } one ? [one.Input] : Array.Empty<string>()];
        using var reader = new BatchReader(binding, samples);
        List<float[]> scores = [];
        try
        {
            using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            using var session = new InferenceSession(model.ToSingleFile().ToBytes(), options);
            using var run = new RunOptions();
            while (reader.TryRead(buffers, rows) is { } batch)
            {
                cancellationToken.ThrowIfCancellationRequested();
                OrtValue[] inputs = [.. binding.Sources.Select((source, i) =>
                    TensorOf(source.Target!.Type!.ElementType, buffers[i][..(batch.Rows * source.Input.Length)], [batch.Rows, .. source.Shape])),
                    .. domain is { } picked ? [OrtValue.CreateTensorValueFromMemory(new[] { picked.Id }, [1, 1])] : Array.Empty<OrtValue>()];
                try
                {
                    using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, names, inputs, [output.Name]);
                    if (RowsOf(outputs[0], batch.Rows) is not { } found) return null;
                    scores.AddRange(found.Take(batch.Samples));
                    progress?.Report(new AdaptationProgress(0, 1, scores.Count, reader.SampleCount));
                }
                finally
                {
                    foreach (OrtValue input in inputs) input.Dispose();
                }
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw new AdaptationException(AdaptationError.ModelRefused, $"ONNX Runtime refuses the model, or fails while computing '{output.Name}': {e.Message}", e);
        }
        return [.. scores];
    }

    private static OrtValue TensorOf(ElementType type, Memory<float> numbers, long[] shape)
    {
        if (type == ElementType.Float) return OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, numbers, shape);
        OrtValue value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (TensorElementType)type, shape); // both number types as onnx.proto does
        type.Write([.. numbers.Span.ToArray().Select(number => (double)number)]).CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static IEnumerable<float[]>? RowsOf(OrtValue output, int rows)
    {
        OrtTensorTypeAndShapeInfo info = output.GetTensorTypeAndShape();
        var type = (ElementType)info.ElementDataType;
        bool isClassScores = type.IsFloatingPoint() && info is { Shape: [var first, >= 2 and var classes, ..] } && first == rows && info.ElementCount == first * classes;
        return isClassScores ? type.Read(output.GetTensorMutableRawData())!.Select(score => (float)score).Chunk((int)info.Shape[1]) : null;
    }
}

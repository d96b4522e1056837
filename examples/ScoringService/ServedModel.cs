using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace ScoringService;

/// <summary>
/// A model that answers requests. It counts who uses it: its owner, who serves it, and each request under way. Whoever leaves last closes the session, so a
/// replaced model ends when its last request has its answer, and not before.
/// </summary>
internal sealed class ServedModel : IDisposable
{
    private static int s_open;

    private readonly InferenceSession _session;
    private readonly long[] _shape;
    private int _uses = 1; // the owner's

    /// <param name="bytes">The ONNX file.</param>
    /// <param name="shape">Shape of a sample.</param>
    /// <exception cref="InvalidDataException">It does not score: found before any request meets it.</exception>
    public ServedModel(byte[] bytes, ImmutableArray<int> shape)
    {
        Version = VersionOf(bytes);
        _shape = [1, .. shape.Select(length => (long)length)];
        try
        {
            // One thread a request: requests are what runs side by side here, and sums keep one order, so that equal images get equal bits.
            using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            _session = new InferenceSession(bytes, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"ONNX Runtime refuses the model {Version}: {e.Message}", e);
        }
        Interlocked.Increment(ref s_open);
        try
        {
            if (_session.InputNames.Count != 1) throw new InvalidDataException($"The model has {_session.InputNames.Count} inputs ({string.Join(", ", _session.InputNames)}), expected one that takes images.");
            Score(new float[shape.Aggregate(1, (product, length) => product * length)]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Models whose sessions are open.</summary>
    public static int Open => Volatile.Read(ref s_open);

    /// <summary>SHA-256 of the ONNX file, in lower-case hex.</summary>
    public string Version { get; }

    public static string VersionOf(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>The scores of one image, one a class.</summary>
    /// <exception cref="InvalidDataException">ONNX Runtime fails, or the first output is not one score a class.</exception>
    public float[] Score(float[] tensor)
    {
        try
        {
            using var run = new RunOptions();
            using OrtValue input = OrtValue.CreateTensorValueFromMemory(tensor, _shape);
            using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(run, _session.InputNames, [input], [_session.OutputNames[0]]);
            OrtTensorTypeAndShapeInfo info = outputs[0].GetTensorTypeAndShape();
            return info is { ElementDataType: TensorElementType.Float, Shape: [1, >= 2 and var classes, ..] } && info.ElementCount == classes
                ? outputs[0].GetTensorDataAsSpan<float>().ToArray()
                : throw new InvalidDataException($"The model's output '{_session.OutputNames[0]}' is {info.ElementDataType} of shape {string.Join("x", info.Shape)}, expected one float a class.");
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"ONNX Runtime fails on the model {Version}: {e.Message}", e);
        }
    }

    /// <summary>Uses the model, unless everybody has left it already.</summary>
    public bool TryEnter()
    {
        int uses = Volatile.Read(ref _uses);
        while (uses > 0)
        {
            int found = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (found == uses) return true;
            uses = found;
        }
        return false;
    }

    /// <summary>The owner leaves.</summary>
    public void Dispose() => Leave();

    public void Leave()
    {
        if (Interlocked.Decrement(ref _uses) > 0) return;
        _session.Dispose();
        Interlocked.Decrement(ref s_open);
    }
}

using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>A network with its BatchNormalization kept and with it folded, and float64 PyTorch's logits after adaptation (tests/Folded/make_twins.py).</summary>
internal sealed class FoldedTwin(string folder)
{
    private static readonly string SmallFolder = Path.Combine(Repository.Root, "tests", "Folded", "small");

    public static FoldedTwin Small { get; } = new(SmallFolder);

    public OnnxModel Kept { get; } = OnnxModel.Load(Path.Combine(folder, "kept.onnx"));

    public OnnxModel Folded { get; } = OnnxModel.Load(Path.Combine(folder, "folded.onnx"));

    public string File(string name) => Path.Combine(folder, name);

    public ISampleSource Source => NpyFile.Open(File("source.npy"));

    public ISampleSource Target => NpyFile.Open(File("target.npy"));

    public double[] ExpectedLogits => Npy.Read<double>(File("expected.npy")).Data;

    public ReferenceStatistics Measure() => ReferenceStatistics.Measure(Folded, Source);

    /// <summary>Adapts the folded network to the target, by a reference from the source.</summary>
    public AdaptationResult Adapt() => BatchNormAdapter.Adapt(Folded, Target, PaperAdaBN.Options with { Reference = Measure() });

    public float[] Logits(OnnxModel model, string data = "target.npy")
    {
        (float[] pixels, int[] shape) = Npy.Read<float>(File(data));
        return Scoring.Run(model, new Dictionary<string, (float[], int[])> { [model.Graph.RequiredInputs.Single().Name] = (pixels, shape) });
    }

    /// <summary>The largest difference, relative to the largest logit.</summary>
    public static double Difference(IReadOnlyCollection<double> expected, IReadOnlyCollection<float> actual)
    {
        Assert.HasCount(expected.Count, actual);
        return expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max() / expected.Max(Math.Abs);
    }
}

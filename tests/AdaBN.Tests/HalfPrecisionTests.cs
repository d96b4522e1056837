using System.Globalization;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Activations held as 16-bit floats: how much less memory, how much less exact.</summary>
[TestClass]
public sealed class HalfPrecisionTests
{
    private static readonly AdaptationOptions Half = PaperAdaBN.Options with { HalfPrecisionActivations = true, Workers = 1 };

    public static IEnumerable<object[]> Cases => GoldenCase.Names.Where(row => (string)row[0] is not ("large_offset" or "view_flatten"));

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Statistics_stay_within_a_hundredth_of_a_sigma_and_the_first_stage_is_exact(string name)
    {
        var golden = new GoldenCase(name);
        AdaptationReport exact = BatchNormAdapter.Adapt(golden.Model, golden.Source(), Half with { HalfPrecisionActivations = false }).Report;
        AdaptationReport report = BatchNormAdapter.Adapt(golden.Model, golden.Source(), Half).Report;
        (double mean, double variance) = (0, 0);
        foreach ((LayerReport expected, LayerReport actual) in exact.Layers.Zip(report.Layers))
        {
            if (expected.Depth == 0) CollectionAssert.AreEqual(expected.TargetMean.ToArray(), actual.TargetMean.ToArray());
            for (int c = 0; c < expected.Channels; c++)
            {
                mean = Math.Max(mean, Math.Abs(actual.TargetMean[c] - expected.TargetMean[c]) / Math.Sqrt(expected.TargetVariance[c]));
                variance = Math.Max(variance, Math.Abs(actual.TargetVariance[c] - expected.TargetVariance[c]) / expected.TargetVariance[c]);
            }
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"largest differences: mean {mean:g3} sigma, variance {variance:g3} relative"));
        if (exact.Layers.Max(layer => layer.Depth) > 0) Assert.IsGreaterThan(0, mean + variance); // else nothing was held in half precision
        Assert.IsLessThanOrEqualTo(0.01, mean);
        Assert.IsLessThanOrEqualTo(0.01, variance);
    }

    [TestMethod]
    public void It_takes_half_the_memory_and_the_same_bytes_for_any_number_of_workers()
    {
        var golden = new GoldenCase("residual_downsample");
        int[] order = [.. Enumerable.Range(0, 2000).Select(i => i % golden.Samples)];
        AdaptationResult full = BatchNormAdapter.Adapt(golden.Model, golden.Source(order), Half with { HalfPrecisionActivations = false });
        AdaptationResult half = BatchNormAdapter.Adapt(golden.Model, golden.Source(order), Half);
        Assert.IsLessThan(0.65 * full.Memory.PeakActivations, half.Memory.PeakActivations);
        AdaptationResult many = BatchNormAdapter.Adapt(golden.Model, golden.Source(order), Half with { Workers = 3 });
        CollectionAssert.AreEqual(half.Model.ToBytes(), many.Model.ToBytes());
        MemoryEstimate estimate = BatchNormAdapter.EstimateMemory(golden.Model, golden.Source(order), Half, order.Length);
        Assert.IsLessThanOrEqualTo(1.2 * (estimate.Activations + estimate.Workspace), half.Memory.PeakActivations);
    }

    [TestMethod]
    public void A_number_beyond_sixteen_bits_is_a_clear_error()
    {
        var golden = new GoldenCase("conv_chain");
        (float[] data, int[] shape) = golden.Tensors.Values.Single();
        float[][] loud = [.. data.Chunk(data.Length / shape[0]).Select(sample => sample.Select(x => x * 1e7f).ToArray())];
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => BatchNormAdapter.Adapt(golden.Model, SampleSource.FromArrays(loud, shape[1..]), Half));
        Assert.AreEqual(AdaptationError.NonFinite, e.Error);
        Assert.Contains(nameof(AdaptationOptions.HalfPrecisionActivations), e.Message);
    }
}

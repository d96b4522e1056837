using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>ρ without labels: 1 minus the share of a channel's variance that lies between images.</summary>
[TestClass]
public sealed class BatchShareTests
{
    private const int Images = 400, Positions = 4;

    /// <summary>Channels of (deviation between images, deviation within): noise alone, both alike, images alone, nothing.</summary>
    private static readonly (double Between, double Within)[] Channels = [(0, 1), (1, 1), (2, 0), (0, 0), (0.5, 2)];

    private static readonly float[][] Data = Draw();

    [TestMethod]
    public void Is_one_less_the_intraclass_correlation_of_analysis_of_variance()
    {
        IReadOnlyList<double> found = Measure(Data);
        for (int c = 0; c < Channels.Length; c++)
        {
            double[][] rows = [.. Data.Select(image => image.AsSpan(c * Positions, Positions).ToArray().Select(value => (double)value).ToArray())];
            double mean = rows.SelectMany(row => row).Average();
            double between = Positions * rows.Sum(row => Math.Pow(row.Average() - mean, 2)) / (Images - 1);
            double within = rows.Sum(row => row.Sum(value => Math.Pow(value - row.Average(), 2))) / (Images * (Positions - 1));
            double sum = between + ((Positions - 1) * within);
            Assert.AreEqual(sum > 0 ? Math.Clamp(1 - ((between - within) / sum), 0, 1) : 1, found[c], 1e-5, $"channel {c}");
        }
    }

    [TestMethod]
    public void Finds_the_share_that_channels_were_drawn_with()
    {
        IReadOnlyList<double> found = Measure(Data);
        for (int c = 0; c < Channels.Length; c++)
        {
            double between = Math.Pow(Channels[c].Between, 2), within = Math.Pow(Channels[c].Within, 2);
            Assert.AreEqual(between + within > 0 ? within / (between + within) : 1, found[c], 0.06, $"channel {c}"); // 400 images: some 0.04 of chance
        }
    }

    [TestMethod]
    public void One_image_tells_nothing()
    {
        AdaptationException error = Assert.ThrowsExactly<AdaptationException>(() => Measure(Data[..1]));
        Assert.AreEqual(AdaptationError.EmptyData, error.Error);
        Assert.Contains("was measured on one image", error.Message);
    }

    [TestMethod]
    public void Layers_without_positions_stay()
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, 20).BatchNorm("x", "y", 20).Output("y", -1, 20).Build();
        Assert.IsTrue(BatchShare.Measure(model, SampleSource.FromArrays(Data, 20)).Single().Value.All(share => share == 1));
    }

    private static IReadOnlyList<double> Measure(float[][] images)
    {
        OnnxModel model = new ModelBuilder().Input("x", -1, Channels.Length, Positions).BatchNorm("x", "y", Channels.Length).Output("y", -1, Channels.Length, Positions).Build();
        return BatchShare.Measure(model, SampleSource.FromArrays(images, Channels.Length, Positions)).Single().Value;
    }

    private static float[][] Draw()
    {
        var random = new Random(7);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return [.. Enumerable.Range(0, Images).Select(_ => Channels.SelectMany(channel =>
        {
            double image = channel.Between * Normal();
            return Enumerable.Range(0, Positions).Select(_ => (float)(3 + image + (channel.Within * Normal()))).ToArray();
        }).ToArray())];
    }
}

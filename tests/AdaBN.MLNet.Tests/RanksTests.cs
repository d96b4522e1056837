using AdaBN.TestSupport;
using Microsoft.ML;

namespace AdaBN.MLNet.Tests;

/// <summary>One estimator fitted by several ranks, on rows whose number no view knows.</summary>
[TestClass]
public sealed class RanksTests
{
    [TestMethod]
    public void Own_rows_of_unknown_number_are_counted_without_reading_a_column()
    {
        ImageRow[] rows = [.. Enumerable.Repeat(ConvChain.Rows, 4).SelectMany(part => part)];
        Assert.IsGreaterThan(64, rows.Length); // more than a shard
        using OnnxAdaptationTransformer alone = ConvChain.Estimator(new MLContext()).Fit(new MLContext().Data.LoadFromEnumerable(rows));
        var watched = new WatchedView[2];
        byte[][] models = ThreadRanks.Run(2, ranks =>
        {
            var context = new MLContext();
            IDataView own = context.Data.LoadFromEnumerable(rows.Where((_, i) => (i < 64 ? 0 : 1) == ranks.Rank));
            Assert.IsNull(own.GetRowCount());
            watched[ranks.Rank] = new WatchedView(own);
            using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options with { Communicator = ranks, OwnSamples = true, Workers = 1 }).Fit(watched[ranks.Rank]);
            return step.Model.ToBytes();
        });
        foreach (byte[] model in models) CollectionAssert.AreEqual(alone.Model.ToBytes(), model);
        foreach (WatchedView view in watched) CollectionAssert.AreEqual((string[])["", "image"], view.Passes.Select(columns => string.Join(' ', columns)).ToArray());
    }
}

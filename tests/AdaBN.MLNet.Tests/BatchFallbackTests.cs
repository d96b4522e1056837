using AdaBN.MLNet.Scoring;
using AdaBN.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>Where batches would be wrong or no help, rows are scored as stock scores them.</summary>
[TestClass]
public sealed class BatchFallbackTests
{
    [TestMethod]
    public void A_fixed_batch_axis_is_left_to_stock()
    {
        ArrayView rows = Scored.Rows(30);
        using Scored scored = Scored.Small("fixed_batch1", ["y"], rows);
        Assert.IsFalse(scored.Step.Transform(rows) is BatchScoredView);
        scored.AssertEqual(rows, "y");
    }

    [TestMethod]
    public void Text_outputs_are_left_to_stock()
    {
        ArrayView rows = Scored.Rows(30);
        using Scored scored = Scored.Small("text_output", ["y"], rows);
        Assert.IsFalse(scored.Step.Transform(rows) is BatchScoredView);
        string[] expected = [.. Scored.Column<ReadOnlyMemory<char>>(scored.Stock.Transform(rows), "y").SelectMany(row => row).Select(text => text.ToString())];
        CollectionAssert.AreEqual(expected, Scored.Column<ReadOnlyMemory<char>>(scored.Step.Transform(rows), "y").SelectMany(row => row).Select(text => text.ToString()).ToArray());
    }

    [TestMethod]
    public void A_model_that_mixes_the_rows_of_a_batch_is_found_out()
    {
        ArrayView rows = Scored.Rows(200);
        using Scored scored = Scored.Small("mixing", ["y"], rows);
        scored.AssertEqual(rows, "y");
        Assert.IsTrue(Scored.Column<float>(scored.Step.Transform(rows), "y").All(row => row.All(value => value == 0)));
    }

    [TestMethod]
    public void Equal_rows_do_not_hide_it()
    {
        ArrayView rows = new ArrayView(200).AddVector("x", NumberDataViewType.Single, 4, row => new VBuffer<float>(4, Scored.X(Math.Max(0, row - 100))));
        using Scored scored = Scored.Small("mixing", ["y"], Scored.Rows(50));
        scored.AssertEqual(rows, "y");
    }

    [TestMethod]
    public void A_model_that_joins_the_rows_of_a_batch_is_found_out()
    {
        ArrayView rows = Scored.Rows(200);
        using Scored scored = Scored.Small("joining", ["y"], rows);
        scored.AssertEqual(rows, "y");
    }

    [TestMethod]
    public void A_model_that_fails_on_more_than_one_row_is_given_one_at_a_time()
    {
        ArrayView rows = Scored.Rows(200);
        using Scored scored = Scored.Small("one_row_only", ["y"], rows);
        scored.AssertEqual(rows, "y");
    }

    [TestMethod]
    public void An_output_of_undeclared_length_is_served()
    {
        ArrayView rows = Scored.Rows(200);
        using Scored scored = Scored.Small("open_output", ["y"], rows);
        Assert.IsTrue(scored.Step.Transform(rows) is BatchScoredView);
        scored.AssertEqual(rows, "y");
    }

    [TestMethod]
    public void A_row_that_holds_several_samples_or_an_unknown_number_is_left_to_stock()
    {
        using Scored scored = Scored.Small("open_batch", ["y"], Scored.Rows(30));
        ArrayView unknown = new ArrayView(10).AddVector("x", NumberDataViewType.Single, 0, row => new VBuffer<float>(4, Scored.X(row)));
        ArrayView twice = new ArrayView(10).AddVector("x", NumberDataViewType.Single, 8, row => new VBuffer<float>(8, [.. Scored.X(row), .. Scored.X(row)]));
        Assert.IsFalse(scored.Step.Transform(unknown) is BatchScoredView);
        Assert.IsFalse(scored.Step.Transform(twice) is BatchScoredView);
    }

    [TestMethod]
    public void A_pass_with_a_column_that_cannot_be_kept_is_left_to_stock()
    {
        ArrayView rows = Scored.Rows(60).Add("image", PictureType.Instance, row => new Picture(row));
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        IDataView result = scored.Step.Transform(rows);
        int before = rows.RowsRead;
        using DataViewRowCursor cursor = result.GetRowCursor([result.Schema["image"], result.Schema["y"]]);
        Assert.IsFalse(cursor is BatchScoredCursor);
        var get = cursor.GetGetter<Picture>(result.Schema["image"]);
        Picture? picture = null;
        for (int row = 0; row < 60; row++)
        {
            Assert.IsTrue(cursor.MoveNext());
            Assert.AreEqual(row + 1, rows.RowsRead - before);
            get(ref picture!);
            Assert.AreEqual(row, picture.Number);
        }
        scored.AssertEqual(rows, "y");
    }

    [TestMethod]
    public void What_is_known_beforehand_decides_without_a_run()
    {
        OnnxModel model = OnnxModel.Load(ConvChain.ModelFile);
        var cpu = new ScoringFactory(new MLContext().Transforms, ["logits"], ["image"], Shapes: null, GpuDeviceId: null, IsOnCpu: true, RecursionLimit: 100, InterOpNumThreads: null, IntraOpNumThreads: 3);
        using BatchScorer? scorer = BatchScorer.TryCreate(model, ConvChain.ModelFile, cpu);
        Assert.IsNotNull(scorer);
        Assert.AreEqual(3, scorer.Threads);
        ScoringFactory[] unfit =
        [
            cpu with { IsOnCpu = false },
            cpu with { Shapes = new Dictionary<string, int[]> { ["image"] = [2, 3, 12, 12] } }, // two samples a row
            cpu with { Inputs = ["image", "other"] },
        ];
        foreach (ScoringFactory scoring in unfit) Assert.IsNull(BatchScorer.TryCreate(model, ConvChain.ModelFile, scoring));
    }

    private sealed record Picture(int Number);

    private sealed class PictureType : StructuredDataViewType
    {
        private PictureType() : base(typeof(Picture))
        {
        }

        public static PictureType Instance { get; } = new();

        public override bool Equals(DataViewType? other) => other is PictureType;
    }
}

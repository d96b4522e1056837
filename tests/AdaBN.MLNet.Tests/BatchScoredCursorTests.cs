using AdaBN.MLNet.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>What a cursor over batches reads from its input, when, and how it ends.</summary>
[TestClass]
public sealed class BatchScoredCursorTests
{
    [TestMethod]
    public void Only_what_a_pass_needs_is_read_and_only_once()
    {
        ArrayView rows = Scored.Rows(400).Add("number", NumberDataViewType.Int32, row => row).Add("unread", NumberDataViewType.Int32, row => row);
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        var watched = new WatchedView(rows);
        IDataView result = scored.Step.Transform(watched);

        int read = rows.RowsRead, values = rows.ValuesRead;
        Assert.HasCount(400, Scored.Column<float>(result, "y"));
        CollectionAssert.AreEqual(new[] { "x" }, watched.Passes.Single());
        Assert.AreEqual(400, rows.RowsRead - read);
        Assert.AreEqual(400, rows.ValuesRead - values);

        (read, values) = (rows.RowsRead, rows.ValuesRead);
        using (DataViewRowCursor cursor = result.GetRowCursor([result.Schema["x"], result.Schema["number"], result.Schema["y"]]))
        {
            while (cursor.MoveNext()) { }
        }
        CollectionAssert.AreEquivalent(new[] { "x", "number" }, watched.Passes[1]);
        Assert.AreEqual(400, rows.RowsRead - read);
        Assert.AreEqual(800, rows.ValuesRead - values);
    }

    [TestMethod]
    public void A_pass_without_outputs_scores_nothing()
    {
        ArrayView rows = Scored.Rows(100).Add("number", NumberDataViewType.Int32, row => row);
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        var watched = new WatchedView(rows);
        IDataView result = scored.Step.Transform(watched);
        CollectionAssert.AreEqual(Enumerable.Range(0, 100).ToArray(), result.GetColumn<int>("number").ToArray());
        using DataViewRowCursor cursor = result.GetRowCursor([]);
        Assert.IsTrue(cursor.MoveNext());
        Assert.IsTrue(watched.Passes.All(pass => !pass.Contains("x")));
    }

    [TestMethod]
    public void The_first_rows_come_before_many_are_read()
    {
        ArrayView rows = Scored.Rows(5000);
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        IDataView result = scored.Step.Transform(rows);
        using DataViewRowCursor cursor = result.GetRowCursor([result.Schema["y"]]);
        int before = rows.RowsRead;
        Assert.IsTrue(cursor.MoveNext());
        Assert.AreEqual(1, rows.RowsRead - before);
        Assert.IsTrue(cursor.MoveNext());
        Assert.IsLessThanOrEqualTo(21, rows.RowsRead - before);
    }

    [TestMethod]
    public void Cursors_of_a_set_give_every_row_once_and_tell_the_order()
    {
        ArrayView rows = Scored.Rows(777).Add("number", NumberDataViewType.Int32, row => row);
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        IDataView result = scored.Step.Transform(rows);
        float[][] expected = Scored.Column<float>(scored.Stock.Transform(rows), "y");
        foreach (int n in new[] { 1, 2, 3, 8 })
        {
            DataViewRowCursor[] cursors = result.GetRowCursorSet([result.Schema["number"], result.Schema["y"]], n);
            Assert.HasCount(n, cursors);
            (int Number, long Batch, ulong Id, float[] Y)[][] parts = new (int, long, ulong, float[])[n][];
            Parallel.For(0, n, i => parts[i] = [.. Read(cursors[i], result.Schema)]);
            foreach (var part in parts) CollectionAssert.AreEqual(part.Select(row => row.Batch).Order().ToArray(), part.Select(row => row.Batch).ToArray());

            var all = parts.SelectMany(part => part).OrderBy(row => row.Batch).ToArray();
            CollectionAssert.AreEqual(Enumerable.Range(0, 777).ToArray(), all.Select(row => row.Number).ToArray());
            CollectionAssert.AreEqual(Enumerable.Range(0, 777).Select(row => (ulong)row).ToArray(), all.Select(row => row.Id).ToArray());
            for (int row = 0; row < all.Length; row++)
                for (int i = 0; i < 4; i++) Assert.AreEqual(expected[row][i], all[row].Y[i], 1e-6f);
        }
        Assert.AreEqual(0, rows.Open);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(3)]
    [DataRow(100)]
    public void Rows_before_one_that_fails_are_served_and_then_its_own_error(int fault)
    {
        var failure = new IOException("the disk is gone");
        ArrayView rows = Scored.AddX(new ArrayView(200) { Fault = (fault, failure) });
        using Scored scored = Scored.Small("open_batch", ["y"], Scored.Rows(50));
        IDataView result = scored.Step.Transform(rows);
        using DataViewRowCursor cursor = result.GetRowCursor([result.Schema["y"]]);
        for (int row = 0; row < fault; row++) Assert.IsTrue(cursor.MoveNext());
        for (int i = 0; i < 2; i++) Assert.AreSame(failure, Assert.ThrowsExactly<IOException>(() => cursor.MoveNext()));
    }

    [TestMethod]
    public void A_value_that_cannot_be_computed_is_its_row_s_error()
    {
        var failure = new FormatException("no number");
        ArrayView rows = Scored.Rows(60).Add("number", NumberDataViewType.Int32, row => row == 7 ? throw failure : row);
        using Scored scored = Scored.Small("open_batch", ["y"], Scored.Rows(50));
        IDataView result = scored.Step.Transform(rows);
        using DataViewRowCursor cursor = result.GetRowCursor(result.Schema);
        for (int row = 0; row < 7; row++) Assert.IsTrue(cursor.MoveNext());
        Assert.AreSame(failure, Assert.ThrowsExactly<FormatException>(() => cursor.MoveNext()));
    }

    [TestMethod]
    public void A_vector_of_another_length_is_named_with_its_row()
    {
        ArrayView rows = new ArrayView(60).AddVector("x", NumberDataViewType.Single, 4, row => row == 23 ? new VBuffer<float>(3, [1, 2, 3]) : new VBuffer<float>(4, Scored.X(row)));
        using Scored scored = Scored.Small("open_batch", ["y"], Scored.Rows(50));
        IDataView result = scored.Step.Transform(rows);
        using DataViewRowCursor cursor = result.GetRowCursor([result.Schema["y"]]);
        for (int row = 0; row < 23; row++) Assert.IsTrue(cursor.MoveNext());
        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => cursor.MoveNext());
        Assert.AreEqual(AdaptationError.InputMismatch, e.Error);
        Assert.AreEqual("Row 23 of column 'x' has 3 values, expected 4.", e.Message);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_cursor_may_be_left_at_any_row(bool isBehindAnotherStep)
    {
        var context = new MLContext();
        ArrayView rows = new ArrayView(3000).AddVector("raw", NumberDataViewType.Single, 4, row => new VBuffer<float>(4, Scored.X(row)));
        if (!isBehindAnotherStep) Scored.AddX(rows);
        using Scored scored = Scored.Small("open_batch", ["y"], Scored.Rows(50));
        IDataView result = scored.Step.Transform(isBehindAnotherStep ? context.Transforms.CopyColumns("x", "raw").Fit(rows).Transform(rows) : rows);
        foreach (int taken in new[] { 0, 1, 2, 6, 90, 700 })
        {
            DataViewRowCursor cursor = result.GetRowCursor([result.Schema["y"]]);
            var get = cursor.GetGetter<VBuffer<float>>(result.Schema["y"]);
            for (int row = 0; row < taken; row++) Assert.IsTrue(cursor.MoveNext());
            cursor.Dispose();
            cursor.Dispose();
            Assert.AreEqual(0, rows.Open);
            Assert.AreEqual(-1, cursor.Position);
            Assert.IsFalse(cursor.MoveNext());
            VBuffer<float> value = default;
            Assert.ThrowsExactly<InvalidOperationException>(() => get(ref value));
        }
    }

    [TestMethod]
    public void A_disposed_step_ends_its_views()
    {
        ArrayView rows = Scored.Rows(3000);
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        IDataView result = scored.Step.Transform(rows);
        using DataViewRowCursor cursor = result.GetRowCursor([result.Schema["y"]]);
        for (int row = 0; row < 100; row++) Assert.IsTrue(cursor.MoveNext());
        scored.Step.Dispose(); // while blocks are being scored
        Assert.ThrowsExactly<ObjectDisposedException>(() => cursor.MoveNext());
        Assert.ThrowsExactly<ObjectDisposedException>(() => result.GetRowCursor([result.Schema["y"]]));
        Assert.ThrowsExactly<ObjectDisposedException>(() => result.GetRowCursorSet([result.Schema["x"]], 2));
    }

    [TestMethod]
    public void Several_passes_at_once_do_not_disturb_each_other()
    {
        ArrayView rows = Scored.Rows(600);
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        IDataView result = scored.Step.Transform(rows);
        float[][] expected = Scored.Column<float>(result, "y");
        Parallel.For(0, 8, _ =>
        {
            float[][] actual = Scored.Column<float>(result, "y");
            for (int row = 0; row < expected.Length; row++) CollectionAssert.AreEqual(expected[row], actual[row]);
        });
    }

    [TestMethod]
    public void Chance_reaches_only_an_input_that_can_shuffle()
    {
        foreach (bool canShuffle in new[] { false, true })
        {
            ArrayView rows = Scored.AddX(new ArrayView(30) { CanShuffle = canShuffle });
            using Scored scored = Scored.Small("open_batch", ["y"], rows);
            IDataView result = scored.Step.Transform(rows);
            Assert.AreEqual(canShuffle, result.CanShuffle);
            rows.Chance.Clear();
            var random = new Random(1);
            result.GetRowCursor([result.Schema["y"]], random).Dispose();
            foreach (DataViewRowCursor cursor in result.GetRowCursorSet([result.Schema["y"]], 2, random)) cursor.Dispose();
            Assert.HasCount(2, rows.Chance);
            foreach (Random? chance in rows.Chance) Assert.AreSame(canShuffle ? random : null, chance);
        }
    }

    [TestMethod]
    public void Columns_not_asked_for_and_wrong_types_are_refused()
    {
        ArrayView rows = Scored.Rows(30).Add("number", NumberDataViewType.Int32, row => row);
        using Scored scored = Scored.Small("open_batch", ["y"], rows);
        IDataView result = scored.Step.Transform(rows);
        using DataViewRowCursor cursor = result.GetRowCursor([result.Schema["number"], result.Schema["y"]]);
        Assert.AreSame(result.Schema, cursor.Schema);
        Assert.IsTrue(cursor.IsColumnActive(result.Schema["y"]));
        Assert.IsFalse(cursor.IsColumnActive(result.Schema["x"]));
        Assert.Contains("'x'", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<VBuffer<float>>(result.Schema["x"])).Message);
        Assert.Contains("'y'", Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<float>(result.Schema["y"])).Message);
        var get = cursor.GetGetter<int>(result.Schema["number"]);
        int value = 0;
        Assert.ThrowsExactly<InvalidOperationException>(() => get(ref value));
    }

    private static IEnumerable<(int Number, long Batch, ulong Id, float[] Y)> Read(DataViewRowCursor cursor, DataViewSchema schema)
    {
        using (cursor)
        {
            var getNumber = cursor.GetGetter<int>(schema["number"]);
            var getY = cursor.GetGetter<VBuffer<float>>(schema["y"]);
            var getId = cursor.GetIdGetter();
            int number = 0;
            VBuffer<float> y = default;
            DataViewRowId id = default;
            while (cursor.MoveNext())
            {
                getNumber(ref number);
                getY(ref y);
                getId(ref id);
                yield return (number, cursor.Batch, id.Low, [.. y.DenseValues()]);
            }
        }
    }
}

using AdaBN.MLNet.Scoring;
using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Tests;

/// <summary>The step's own view gives what ML.NET's row-by-row step gives: the same columns, values and order.</summary>
[TestClass]
public sealed class BatchScoringTests
{
    [TestMethod]
    [DataRow("linear_bn1d")]
    [DataRow("conv_chain")]
    [DataRow("residual_downsample")]
    [DataRow("concat_branch")]
    [DataRow("bn3d")]
    [DataRow("bn_around_relu")]
    [DataRow("bn_on_input")]
    [DataRow("two_inputs")]
    [DataRow("conv1d_bn")]
    [DataRow("parallel_bn")]
    [DataRow("view_flatten")]
    [DataRow("large_offset")]
    [DataRow("crossing")]
    public void Golden_models_score_as_in_stock(string name)
    {
        string folder = Path.Combine(Repository.Golden, name);
        string[] inputs = [.. Directory.GetFiles(folder, "*.npy").Select(file => Path.GetFileNameWithoutExtension(file)!).Where(input => input != "adapted_output")];
        ArrayView view = Repeated(folder, inputs, 150);
        using Scored scored = Scored.Model(Path.Combine(folder, "model.onnx"), "logits", view, inputs);
        Assert.IsTrue(scored.Step.Transform(view) is BatchScoredView);
        scored.AssertEqual(view, "logits");
    }

    [TestMethod]
    public void The_shipped_classifier_scores_as_in_stock()
    {
        ArrayView view = Noise("image", 784, 600);
        using Scored scored = Scored.Model(Repository.Model("digits-cnn.onnx"), "logits", view, "image");
        scored.AssertEqual(view, "logits");
    }

    [TestMethod]
    [DataRow("cifar10_resnet20.onnx", "input", 3 * 32 * 32, 200)]
    [DataRow("mobilenet_v1_025_224.onnx", "input", 3 * 224 * 224, 12)]
    public void Larger_models_score_as_in_stock(string file, string input, int length, int rows)
    {
        if (Environment.GetEnvironmentVariable("ADABN_DATA") is not { } data) Assert.Inconclusive("ADABN_DATA names no folder with larger models (in its subfolder models).");
        else
        {
            ArrayView view = Noise(input, length, rows);
            using Scored scored = Scored.Model(Path.Combine(data, "models", file), "logits", view, input);
            scored.AssertEqual(view, "logits");
        }
    }

    [TestMethod]
    public void Outputs_of_other_types_are_served_as_well()
    {
        string[] outputs = ["positive", "y", "narrow.output", "best", "wide"];
        ArrayView view = Scored.Rows(300);
        using Scored scored = Scored.Small("many_types", outputs, view);
        IDataView actual = scored.Step.Transform(view), expected = scored.Stock.Transform(view);
        Assert.IsTrue(actual is BatchScoredView);
        scored.AssertEqual(view, "y");
        AssertSame<long>("best");
        AssertSame<bool>("positive");
        AssertSame<double>("wide");
        AssertSame<sbyte>("narrow");

        void AssertSame<T>(string name)
        {
            T[][] a = Scored.Column<T>(actual, name), e = Scored.Column<T>(expected, name);
            Assert.HasCount(300, a);
            for (int row = 0; row < e.Length; row++) CollectionAssert.AreEqual(e[row], a[row], $"{name}, row {row}");
        }
    }

    [TestMethod]
    public void Rows_keep_their_order_ids_and_positions()
    {
        ArrayView view = Scored.Rows(1000).Add("number", NumberDataViewType.Int32, row => row);
        using Scored scored = Scored.Small("open_batch", ["y"], view);
        IDataView result = scored.Step.Transform(view);
        using DataViewRowCursor cursor = result.GetRowCursor([result.Schema["number"], result.Schema["y"]]);
        var getNumber = cursor.GetGetter<int>(result.Schema["number"]);
        var getId = cursor.GetIdGetter();
        for (int row = 0; row < 1000; row++)
        {
            Assert.IsTrue(cursor.MoveNext());
            int number = -1;
            DataViewRowId id = default;
            getNumber(ref number);
            getId(ref id);
            Assert.AreEqual(row, number);
            Assert.AreEqual(row, cursor.Position);
            Assert.AreEqual(row / 5, cursor.Batch);
            Assert.IsTrue(id.Equals(new DataViewRowId((ulong)row, 77)));
        }
        Assert.IsFalse(cursor.MoveNext());
        Assert.AreEqual(-1, cursor.Position);
        Assert.IsFalse(cursor.MoveNext());
        Assert.AreEqual(1000L, result.GetRowCount());
    }

    [TestMethod]
    public void Columns_of_any_type_pass_through_as_they_are()
    {
        ArrayView view = new ArrayView(333)
            .Add("single", NumberDataViewType.Single, row => row % 10 == 0 ? float.NaN : row / 3f)
            .Add("double", NumberDataViewType.Double, row => row / 7d)
            .Add("int", NumberDataViewType.Int32, row => -row)
            .Add("uint", NumberDataViewType.UInt32, row => (uint)row)
            .Add("long", NumberDataViewType.Int64, row => (long)row << 40)
            .Add("byte", NumberDataViewType.Byte, row => (byte)row)
            .Add("bool", BooleanDataViewType.Instance, row => row % 3 == 0)
            .Add("text", TextDataViewType.Instance, row => $"row {row}".AsMemory())
            .Add("key", new KeyDataViewType(typeof(uint), 400), row => (uint)row)
            .AddVector("x", NumberDataViewType.Single, 4, row => row % 2 == 0 ? new VBuffer<float>(4, Scored.X(row)) : new VBuffer<float>(4, 2, [1 + row, 2], [1, 3]))
            .AddVector("words", TextDataViewType.Instance, 0, row => new VBuffer<ReadOnlyMemory<char>>(row % 4, [.. Enumerable.Range(0, row % 4).Select(i => $"{row}.{i}".AsMemory())]))
            .AddVector("doubles", NumberDataViewType.Double, 9, row => new VBuffer<double>(9, 1, [row], [row % 9]));
        using Scored scored = Scored.Small("open_batch", ["y"], view);
        IDataView result = scored.Step.Transform(view);
        scored.AssertEqual(view, "y");

        using DataViewRowCursor actual = result.GetRowCursor(result.Schema), expected = view.GetRowCursor(view.Schema);
        Func<object>[] pairs = [.. view.Schema.SelectMany(column => new[] { Reader(expected, column), Reader(actual, result.Schema[column.Name]) })];
        while (expected.MoveNext())
        {
            Assert.IsTrue(actual.MoveNext());
            for (int i = 0; i < pairs.Length; i += 2)
                Assert.AreEqual(pairs[i](), pairs[i + 1](), $"{view.Schema[i / 2].Name}, row {actual.Position}");
        }
        Assert.IsFalse(actual.MoveNext());
    }

    [TestMethod]
    public void An_output_hides_the_column_of_its_name_as_in_stock()
    {
        ArrayView view = Scored.AddX(new ArrayView(20).Add("y", NumberDataViewType.Int32, row => row)).Add("z", NumberDataViewType.Int32, row => 2 * row);
        using Scored scored = Scored.Small("open_batch", ["y"], view);
        scored.AssertEqual(view, "y");
        IDataView result = scored.Step.Transform(view);
        using DataViewRowCursor cursor = result.GetRowCursor(result.Schema);
        var hidden = cursor.GetGetter<int>(result.Schema[0]);
        var last = cursor.GetGetter<int>(result.Schema["z"]);
        while (cursor.MoveNext())
        {
            int value = -1;
            hidden(ref value);
            Assert.AreEqual(cursor.Position, value);
            last(ref value);
            Assert.AreEqual(2 * cursor.Position, value);
        }
    }

    [TestMethod]
    public void Any_number_of_rows_is_scored()
    {
        foreach (int rows in new[] { 0, 1, 2, 4, 5, 6, 21, 22, 85, 86, 341, 342 })
        {
            using Scored scored = Scored.Small("open_batch", ["y"], Scored.Rows(10));
            scored.AssertEqual(Scored.Rows(rows), "y");
        }
    }

    [TestMethod]
    public void A_step_behind_it_reads_the_same_rows()
    {
        var context = new MLContext();
        ArrayView view = Scored.Rows(500);
        using Scored scored = Scored.Small("open_batch", ["y"], view);
        IDataView behind = context.Transforms.CopyColumns("copy", "y").Fit(scored.Step.Transform(view)).Transform(scored.Step.Transform(view));
        float[][] expected = Scored.Column<float>(scored.Stock.Transform(view), "y"), actual = Scored.Column<float>(behind, "copy");
        Assert.HasCount(500, actual);
        for (int row = 0; row < 500; row++) CollectionAssert.AreEqual(expected[row], actual[row]);
    }

    [TestMethod]
    public void A_shape_dictionary_makes_open_axes_known()
    {
        ArrayView view = Noise("x", 2 * 3 * 5, 40);
        using Scored scored = Scored.Small("open_image", ["y"], view, new() { ["x"] = [1, 2, 3, 5] });
        Assert.IsTrue(scored.Step.Transform(view) is BatchScoredView);
        scored.AssertEqual(view, "y");
    }

    private static ArrayView Noise(string column, int length, int rows) => new ArrayView(rows).AddVector(column, NumberDataViewType.Single, length, row =>
    {
        var random = new Random(row);
        return new VBuffer<float>(length, [.. Enumerable.Range(0, length).Select(_ => random.NextSingle())]);
    });

    /// <summary>The samples of a golden case, again and again with another factor.</summary>
    private static ArrayView Repeated(string folder, string[] inputs, int rows)
    {
        var view = new ArrayView(rows);
        foreach (string input in inputs)
        {
            (float[] data, int[] shape) = Npy.Read<float>(Path.Combine(folder, $"{input}.npy"));
            int length = data.Length / shape[0];
            view.AddVector(input, NumberDataViewType.Single, length, row =>
                new VBuffer<float>(length, [.. data.AsSpan(row % shape[0] * length, length).ToArray().Select(x => x * (1 + (row / shape[0] * 0.1f)))]));
        }
        return view;
    }

    /// <summary>Reads a column's value in a form that compares by content, layout of vectors included.</summary>
    private static Func<object> Reader(DataViewRow row, DataViewSchema.Column column) => (Func<object>)typeof(BatchScoringTests)
        .GetMethod(column.Type is VectorDataViewType ? nameof(VectorReader) : nameof(ValueReader), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!
        .MakeGenericMethod(column.Type is VectorDataViewType vector ? vector.ItemType.RawType : column.Type.RawType).Invoke(null, [row, column])!;

    private static Func<object> ValueReader<T>(DataViewRow row, DataViewSchema.Column column)
    {
        ValueGetter<T> get = row.GetGetter<T>(column);
        return () =>
        {
            T value = default!;
            get(ref value);
            return value!.ToString()!;
        };
    }

    private static Func<object> VectorReader<T>(DataViewRow row, DataViewSchema.Column column)
    {
        ValueGetter<VBuffer<T>> get = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> value = default;
        return () =>
        {
            get(ref value);
            return $"{value.Length}: {string.Join(" ", value.GetValues().ToArray())} at {string.Join(" ", value.GetIndices().ToArray())}";
        };
    }
}

#if !OFFLINE_DEPENDENCIES
using System.Buffers.Binary;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
#endif

namespace AdaBN.MLNet.Tests;

/// <summary>Pictures as ML.NET loads them (Microsoft.ML.ImageAnalytics) in front of the step.</summary>
[TestClass]
public sealed class ImageColumnTests
{
#if OFFLINE_DEPENDENCIES
    [TestMethod]
    public void Pictures_loaded_by_ML_NET_give_what_their_pixels_give() =>
        Assert.Inconclusive("needs Microsoft.ML.ImageAnalytics, for which the offline mode has no stand-in");
#else
    private const int Side = 12, Pictures = 20;

    [TestMethod]
    public void Pictures_loaded_by_ML_NET_give_what_their_pixels_give()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        byte[][] pixels = [.. Enumerable.Range(0, Pictures).Select(Pixels)];
        for (int i = 0; i < Pictures; i++) WriteBitmap(folder.File($"{i}.bmp"), pixels[i]);
        IDataView rows = context.Data.LoadFromEnumerable(Enumerable.Range(0, Pictures).Select(i => new PictureRow { Path = $"{i}.bmp" }).ToArray());
        float[][] arrays = [.. pixels.Select(picture => Enumerable.Range(0, picture.Length).Select(i => picture[(i % (Side * Side) * 3) + (i / (Side * Side))] * (1 / 255f)).ToArray())];

        var pipeline = context.Transforms.LoadImages("picture", folder.Path, nameof(PictureRow.Path))
            .Append(context.Transforms.ResizeImages("picture", Side, Side))
            .Append(context.Transforms.ExtractPixels("image", "picture", scaleImage: 1 / 255f, orderOfExtraction: ImagePixelExtractingEstimator.ColorsOrder.ARGB))
            .Append(context.Transforms.AdaptOnnxModel("logits", "image", ConvChain.ModelFile, PaperAdaBN.Options));
        var fitted = pipeline.Fit(rows);

        AdaptationResult expected = BatchNormAdapter.Adapt(OnnxModel.Load(ConvChain.ModelFile), SampleSource.FromArrays(arrays, 3, Side, Side), PaperAdaBN.Options);
        CollectionAssert.AreEqual(expected.Model.ToBytes(), fitted.LastTransformer.Model.ToBytes());
        IDataView plain = context.Data.LoadFromEnumerable(arrays.Select(image => new ImageRow { Image = image }).ToArray());
        float[][] scored = ConvChain.Logits(context, fitted.Transform(rows)), logits = ConvChain.Logits(context, fitted.LastTransformer.Transform(plain));
        for (int i = 0; i < Pictures; i++) CollectionAssert.AreEqual(logits[i], scored[i]);

        // And in a saved pipeline: the steps in front are run as they were saved.
        string file = folder.File("pipeline.zip");
        context.Model.Save(fitted, rows.Schema, file);
        SavedModelAdaptation again = context.Model.AdaptSavedModel(file, rows, PaperAdaBN.Options);
        CollectionAssert.AreEqual(BatchNormAdapter.Adapt(OnnxModel.FromBytes(expected.Model.ToBytes()), SampleSource.FromArrays(arrays, 3, Side, Side), PaperAdaBN.Options).Model.ToBytes(), again.Steps.Single().Result.Model.ToBytes());
    }

    [TestMethod]
    public void Pictures_of_another_size_are_resized_on_the_way_and_passed_on_beside_their_scores()
    {
        using var folder = new TemporaryFolder();
        var context = new MLContext();
        for (int i = 0; i < Pictures; i++) WriteBitmap(folder.File($"{i}.bmp"), Pixels(i));
        IDataView rows = context.Data.LoadFromEnumerable(Enumerable.Range(0, Pictures).Select(i => new PictureRow { Path = $"{i}.bmp" }).ToArray());
        var front = context.Transforms.LoadImages("picture", folder.Path, nameof(PictureRow.Path)).Append(context.Transforms.ResizeImages("other", 28, 28, "picture")).Append(context.Transforms.ExtractPixels("pixels", "other", scaleImage: 1 / 255f, orderOfExtraction: ImagePixelExtractingEstimator.ColorsOrder.ARGB, colorsToExtract: ImagePixelExtractingEstimator.ColorBits.Red)).Append(context.Transforms.CopyColumns("image", "pixels")).Fit(rows);
        IDataView seen = front.Transform(rows);
        float[][] arrays = [.. seen.GetColumn<float[]>("image")];
        Assert.AreEqual(784, arrays[0].Length);

        string digits = Repository.Model("digits-cnn.onnx");
        using OnnxAdaptationTransformer step = context.Transforms.AdaptOnnxModel("logits", "image", digits, PaperAdaBN.Options).Fit(seen);

        CollectionAssert.AreEqual(BatchNormAdapter.Adapt(OnnxModel.Load(digits), SampleSource.FromArrays(arrays, 1, 28, 28), PaperAdaBN.Options).Model.ToBytes(), step.Model.ToBytes());
        IDataView scored = step.Transform(seen);
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["picture"], scored.Schema["logits"]]);
        var get = cursor.GetGetter<MLImage>(scored.Schema["picture"]);
        MLImage picture = null!;
        int count = 0;
        for (; cursor.MoveNext(); count++)
        {
            get(ref picture);
            Assert.AreEqual(Side, picture.Width);
        }
        Assert.AreEqual(Pictures, count);
    }

    /// <summary>Red, green, blue, row by row from the top.</summary>
    private static byte[] Pixels(int picture)
    {
        byte[] pixels = new byte[Side * Side * 3];
        new Random(picture).NextBytes(pixels);
        return pixels;
    }

    internal static void WriteBitmap(string path, byte[] pixels, int side = Side)
    {
        const int header = 54;
        int line = side * 3; // a multiple of 4, as the format wants it
        byte[] file = new byte[header + pixels.Length];
        "BM"u8.CopyTo(file);
        foreach ((int at, int value) in ((int, int)[])[(2, file.Length), (10, header), (14, 40), (18, side), (22, side), (26, 1 | (24 << 16))]) BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), value);
        for (int i = 0; i < pixels.Length; i++) file[header + ((side - 1 - (i / line)) * line) + (i % line / 3 * 3) + (2 - (i % 3))] = pixels[i]; // from the bottom; blue, green, red
        File.WriteAllBytes(path, file);
    }

    internal sealed class PictureRow
    {
        public string Path { get; set; } = "";
    }
#endif
}

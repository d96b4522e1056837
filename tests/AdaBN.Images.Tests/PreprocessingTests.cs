using AdaBN.Images.Decoding;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Images.Tests;

/// <summary>Tensors against torchvision's (tests/Images/make_images.py), and what a preprocessing says of itself.</summary>
[TestClass]
public sealed class PreprocessingTests
{
    private static readonly Picture _photo = ImageDecoder.Decode(File.ReadAllBytes(Path.Combine(DecoderTests.Folder, "photo.png")));
    private static readonly Preprocessing _unit = new() { Fit = Fit.Stretch, Scale = 1.0 / 255, Colors = PixelColors.Rgb, Layout = PixelLayout.Nchw };
    private static readonly Preprocessing _imageNet = Preprocessing.Presets["imagenet"] with { Colors = PixelColors.Rgb, Layout = PixelLayout.Nchw };

    public static IEnumerable<object[]> Ways =>
    [
        ["imagenet", _imageNet with { Size = new ImageSize(28, 28) }],
        ["enlarged", _imageNet with { Size = new ImageSize(32, 32), CropShare = 0.25 }],
        ["stretched", _unit with { Size = new ImageSize(20, 50) }],
        ["bicubic", _unit with { Size = new ImageSize(30, 25), Resampling = Resampling.Bicubic }],
        ["bicubic_enlarged", _unit with { Size = new ImageSize(101, 33), Resampling = Resampling.Bicubic }],
        ["gray", _unit with { Size = new ImageSize(28, 28), Fit = Fit.Crop, Colors = PixelColors.Gray }],
        ["odd", _unit with { Size = new ImageSize(24, 24), Fit = Fit.Crop, CropShare = 24 / 41.0 }],
    ];

    /// <summary>Pixels are the same to the bit; torchvision scales them in float32, here it is done in double and rounded once.</summary>
    [TestMethod]
    [DynamicData(nameof(Ways))]
    public void Tensors_are_torchvision_s(string name, Preprocessing preprocessing)
    {
        (float[] expected, int[] shape) = Npy.Read<float>(Path.Combine(DecoderTests.Folder, "prepared", $"{name}.npy"));
        var tensor = new PixelTensor(preprocessing);
        CollectionAssert.AreEqual(shape, tensor.Shape.ToArray());
        var values = new float[expected.Length];
        tensor.Write(_photo, values);
        Assert.IsLessThan(1e-6, expected.Zip(values, (a, b) => Math.Abs(a - b)).Max());
    }

    [TestMethod]
    public void Order_and_layout_move_values_and_change_none()
    {
        Preprocessing wanted = _imageNet with { Size = new ImageSize(5, 7) };
        float[] planes = Write(wanted), pixels = Write(wanted with { Layout = PixelLayout.Nhwc });
        float[] reversed = Write(wanted with { Colors = PixelColors.Bgr, Mean = [.. wanted.Mean.Reverse()], StandardDeviation = [.. wanted.StandardDeviation.Reverse()] });
        for (int i = 0; i < 35; i++)
        {
            for (int channel = 0; channel < 3; channel++)
            {
                Assert.AreEqual(planes[(channel * 35) + i], pixels[(i * 3) + channel]);
                Assert.AreEqual(planes[(channel * 35) + i], reversed[((2 - channel) * 35) + i]);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Ways))]
    public void A_tensor_shows_the_pixels_it_was_made_of(string name, Preprocessing preprocessing)
    {
        _ = name;
        var tensor = new PixelTensor(preprocessing);
        var values = new float[tensor.Shape.Aggregate(1, (product, length) => product * length)];
        tensor.Write(_photo, values);
        Picture back = tensor.Read(values);
        var again = new float[values.Length];
        tensor.Write(back, again); // of the wanted size already, but for the crop
        if (preprocessing.CropShare == 1) CollectionAssert.AreEqual(values, again);
        Assert.AreEqual(preprocessing.Size, new ImageSize(back.Height, back.Width));
    }

    [TestMethod]
    public void Json_says_it_all_and_reads_back()
    {
        Preprocessing[] all = [.. Preprocessing.Presets.Values, .. Ways.Select(way => (Preprocessing)way[1]), new() { Colors = PixelColors.Bgr, Layout = PixelLayout.Nhwc, Scale = 0.1, Mean = [1 / 3.0] }];
        foreach (Preprocessing one in all)
        {
            Preprocessing read = Preprocessing.FromJson(one.ToJson());
            Assert.AreEqual(one.ToJson(), read.ToJson());
            Assert.AreEqual(one with { Mean = [], StandardDeviation = [] }, read with { Mean = [], StandardDeviation = [] });
            CollectionAssert.AreEqual(one.Mean, read.Mean);
            CollectionAssert.AreEqual(one.StandardDeviation, read.StandardDeviation);
        }
        Preprocessing changed = Preprocessing.FromJson("""{ "size": 224, "preset": "imagenet", "colors": "bgr" } // as trained""");
        Assert.AreEqual((new ImageSize(224, 224), PixelColors.Bgr, 0.875), (changed.Size, changed.Colors, changed.CropShare));
    }

    [TestMethod]
    [DataRow("{", "no JSON")]
    [DataRow("[]", "JSON object")]
    [DataRow("""{ "sise": 224 }""", "'sise' is not known here, only preset, size")]
    [DataRow("""{ "scale": 1, "scale": 2 }""", "'scale' stands there twice")]
    [DataRow("""{ "preset": "imagnet" }""", "no preset 'imagnet', only imagenet, keras, none, torchvision")]
    [DataRow("""{ "fit": "cut" }""", "'fit' is 'cut', expected crop, stretch")]
    [DataRow("""{ "size": [0, 5], "scale": 0, "cropShare": 2, "std": [1, 0, 1], "mean": [1, 2] }""", "size is 0x5, expected sides from 1 to 16384; crop share is 2, expected above 0.01 and at most 1; scale is 0, expected a number that is not 0; standard deviation is 1, 0, 1, expected numbers above 0; mean has 2 values")]
    [DataRow("""{ "mean": "0.5" }""", "")]
    [DataRow("""{ "size": 1e99 }""", "")]
    public void What_is_wrong_in_json_is_told(string json, string says) => Assert.Contains(says, Assert.ThrowsExactly<InvalidDataException>(() => Preprocessing.FromJson(json)).Message);

    [TestMethod]
    public void A_model_fills_in_what_is_left_open_and_carries_it()
    {
        OnnxModel model = OnnxModel.Load(Path.Combine(Repository.Golden, "conv_chain", "model.onnx")); // [N, 3, 12, 12]
        Assert.IsNull(Preprocessing.Of(model));
        Preprocessing complete = Preprocessing.Presets["imagenet"].For(model);
        Assert.AreEqual((new ImageSize(12, 12), PixelColors.Rgb, PixelLayout.Nchw), (complete.Size, complete.Colors, complete.Layout));
        complete.RecordIn(model);
        Assert.AreEqual(complete.ToJson(), Preprocessing.Of(OnnxModel.FromBytes(model.ToBytes()))!.ToJson());
        Assert.AreEqual(PixelColors.Gray, Preprocessing.Presets["none"].For(OnnxModel.Load(Repository.Model("digits-cnn.onnx"))).Colors);

        model.SetMetadata(Preprocessing.MetadataKey, "{ ");
        Assert.Contains("Give the preprocessing yourself", Assert.ThrowsExactly<InvalidDataException>(() => Preprocessing.Of(model)).Message);
    }

    [TestMethod]
    public void What_a_model_cannot_take_is_told()
    {
        OnnxModel model = OnnxModel.Load(Path.Combine(Repository.Golden, "conv_chain", "model.onnx")), two = OnnxModel.Load(Path.Combine(Repository.Golden, "two_inputs", "model.onnx"));
        Preprocessing none = Preprocessing.Presets["none"];
        Assert.Contains("pictures of size 13x12 do not fit", Refusal(() => (none with { Size = new ImageSize(13, 12) }).For(model)));
        Assert.Contains("colors gray in layout nchw do not fit its 3 channels", Refusal(() => (none with { Colors = PixelColors.Gray }).For(model)));
        Assert.Contains("do not fit its 12 channels", Refusal(() => (none with { Layout = PixelLayout.Nhwc }).For(model)));
        Assert.Contains("not said which input", Refusal(() => none.For(two)));
        Assert.Contains("no input 'colour'", Refusal(() => none.For(two, "colour")));
        Assert.Contains("expected four axes", Refusal(() => none.For(OnnxModel.Load(Path.Combine(Repository.Golden, "linear_bn1d", "model.onnx")))));
        Assert.Contains("scale is 0", Assert.ThrowsExactly<ArgumentException>(() => (none with { Scale = 0 }).For(model)).Message);
        Assert.Contains("leaves size, colors or layout open", Assert.ThrowsExactly<ArgumentException>(() => new PixelTensor(none)).Message);
    }

    private static float[] Write(Preprocessing preprocessing)
    {
        var values = new float[preprocessing.Size!.Value.Height * preprocessing.Size.Value.Width * 3];
        new PixelTensor(preprocessing).Write(_photo, values);
        return values;
    }

    private static string Refusal(Action action) => Assert.ThrowsExactly<AdaptationException>(action).Message;
}

using System.IO.Compression;
using System.Text.Json;
using AdaBN.Images;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>Commands on folders and lists of images and on arrays of pixels; models take 12 x 12 RGB or, the digits, 28 x 28 grey.</summary>
[TestClass]
public sealed class ImageCommandTests
{
    private static readonly string Model = Path.Combine(Repository.Golden, "conv_chain", "model.onnx");
    private static readonly string Images = Path.Combine(Repository.Root, "tests", "Images");
    private static readonly string[] _kinds = ["rgb8.png", "420.jpg", "gray.jpg", "exif6.jpg", "rgb24.bmp", "rgba8.png", "palette8.png", "progressive444.jpg"];

    [TestMethod]
    public async Task From_a_folder_to_an_adapted_model_in_one_command()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 48), target = folder.File("adapted.onnx");
        File.WriteAllText(Path.Combine(images, "car", "00 broken.png"), "no picture");
        File.WriteAllBytes(Path.Combine(images, "tree", "broken.jpg"), File.ReadAllBytes(Path.Combine(Images, "420.jpg"))[..900]);
        Outcome outcome = await Run("adapt", Model, "--data", images, "--preset", "imagenet", "--out", target);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        Assert.Contains("3 layers measured on 48 samples", outcome.Output);
        string[] told = outcome.Error.Split(Environment.NewLine);
        Assert.AreEqual("left out car/00 broken.png: it is no image that is known here, expected PNG, JPEG, WebP or BMP", told[0]);
        Assert.StartsWith("left out tree/broken.jpg: damaged: ", told[1]);
        Assert.AreEqual("2 broken images were left out", told[2]);

        // The same as the engine makes of the same tensors, and the model carries what prepared them.
        OnnxModel source = OnnxModel.Load(Model), adapted = OnnxModel.Load(target);
        Preprocessing preprocessing = Preprocessing.Presets["imagenet"].For(source);
        OnnxModel expected = BatchNormAdapter.Adapt(source, new ImageSamples(ImageFiles.InFolder(images), preprocessing)).Model;
        preprocessing.RecordIn(expected);
        CollectionAssert.AreEqual(expected.ToBytes(), File.ReadAllBytes(target));
        Assert.AreEqual(preprocessing.ToJson(), Preprocessing.Of(adapted)!.ToJson());

        // So the next run needs no word on it.
        Outcome again = await Run("shift", target, "--data", images, "--json");
        Assert.AreEqual(0, again.ExitCode, again.Error);
        Outcome stated = await Run("shift", target, "--data", images, "--json", "--preset", "torchvision");
        Assert.AreEqual(stated.Output, again.Output);
    }

    [TestMethod]
    public async Task Too_many_broken_images_are_an_error_and_nothing_is_written()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 16), target = folder.File("adapted.onnx");
        File.WriteAllText(Path.Combine(images, "car", "00 broken.png"), "no picture");
        string[] command = ["adapt", Model, "--data", images, "--preset", "none", "--out", target];
        Outcome outcome = await Run(command);
        Assert.AreEqual(1, outcome.ExitCode);
        Assert.Contains("an image is broken, of 17 in all; 0 (5% of those to read) would have been left out. car/00 broken.png: it is no image", outcome.Error);
        Assert.HasCount(1, outcome.Error.TrimEnd().Split('\n'));
        Assert.IsFalse(File.Exists(target));
        Assert.AreEqual(0, (await Run([.. command, "--max-broken", "1/16"])).ExitCode);
        Assert.AreEqual(0, (await Run([.. command, "--max-broken", "6%"])).ExitCode);
        Assert.AreEqual(1, (await Run([.. command, "--max-broken", "0"])).ExitCode);
    }

    [TestMethod]
    public async Task A_list_names_images_in_either_way_of_writing_paths_and_missing_ones_are_told()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 32), list = folder.File("list.csv"), whole = folder.File("whole.onnx"), listed = folder.File("listed.onnx");
        string[] names = [.. ImageFiles.InFolder(images).Files.Select(file => file.Name)];
        File.WriteAllLines(list, ["path,label", .. names.Select((name, i) => $"images{(i % 2 == 0 ? '\\' : '/')}{(i % 2 == 0 ? name.Replace('/', '\\') : name)},{i % 4}"), "images/nobody.png,0"]);
        Outcome outcome = await Run("adapt", Model, "--data", list, "--preset", "none", "--out", listed);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        Assert.Contains("left out images/nobody.png: there is no such file", outcome.Error);
        Assert.AreEqual(0, (await Run("adapt", Model, "--data", images, "--preset", "none", "--out", whole)).ExitCode);
        CollectionAssert.AreEqual(File.ReadAllBytes(whole), File.ReadAllBytes(listed));

        File.WriteAllLines(list, ["nowhere/a.png", "nowhere/b.png"]);
        Outcome nothing = await Run("adapt", Model, "--data", list, "--preset", "none", "--max-broken", "100%", "--out", folder.File("x.onnx"));
        Assert.AreEqual(1, nothing.ExitCode);
        Assert.IsFalse(File.Exists(folder.File("x.onnx")));
    }

    [TestMethod]
    public async Task Arrays_of_pixels_and_tables_are_the_digits_they_hold()
    {
        using var folder = new TemporaryFolder();
        string model = Repository.Model("digits-cnn.onnx"), tensors = folder.File("tensors.npy"), expected = folder.File("expected.onnx");
        byte[][] digits = [.. ShippedDigits.Mnist.Images.Take(100).Select(digit => digit.Select(pixel => (byte)Math.Round(pixel * 255)).ToArray())];
        byte[] pixels = [.. digits.SelectMany(digit => digit)];
        Npy.Write(tensors, [.. pixels.Select(pixel => (float)(pixel * (1.0 / 255)))], 100, 1, 28, 28);
        Assert.AreEqual(0, (await Run("adapt", model, "--data", tensors, "--out", expected)).ExitCode);

        byte[] idx = [0, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 28, 0, 0, 0, 28, .. pixels];
        File.WriteAllBytes(folder.File("t10k-images.idx3-ubyte"), idx);
        using (var packed = new GZipStream(File.Create(folder.File("t10k-images.gz")), CompressionLevel.Optimal)) packed.Write(idx);
        byte[] npy = [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. System.Text.Encoding.ASCII.GetBytes("{'descr': '|u1', 'fortran_order': False, 'shape': (100, 28, 28), }".PadRight(117) + "\n"), .. pixels];
        File.WriteAllBytes(folder.File("bytes.npy"), npy);
        using (var archive = new ZipArchive(File.Create(folder.File("bytes.npz")), ZipArchiveMode.Create))
        {
            using Stream stream = archive.CreateEntry("images.npy").Open();
            stream.Write(npy);
        }
        foreach (string file in (string[])["t10k-images.idx3-ubyte", "t10k-images.gz", "bytes.npy", "bytes.npz"])
        {
            Outcome outcome = await Run("adapt", model, "--data", folder.File(file), "--scale", "1/255", "--out", folder.File("adapted.onnx"));
            Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
            AssertSameButMetadata(expected, folder.File("adapted.onnx"), file);
        }
        File.WriteAllLines(folder.File("tensors.csv"), digits.Select(digit => string.Join(',', digit.Select(pixel => ((float)(pixel * (1.0 / 255))).ToString("R", System.Globalization.CultureInfo.InvariantCulture)))));
        Assert.AreEqual(0, (await Run("adapt", model, "--data", folder.File("tensors.csv"), "--out", folder.File("adapted.onnx"))).ExitCode);
        CollectionAssert.AreEqual(File.ReadAllBytes(expected), File.ReadAllBytes(folder.File("adapted.onnx")));
    }

    [TestMethod]
    public async Task Rewrite_and_reference_take_images_too()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 24), target = folder.File("out.onnx");
        Outcome rewritten = await Run("rewrite", Model, "--to", "bin", "--data", images, "--preset", "keras", "--out", target);
        Assert.AreEqual(0, rewritten.ExitCode, rewritten.Error);
        Assert.AreEqual(Preprocessing.Presets["keras"].For(OnnxModel.Load(Model)).ToJson(), Preprocessing.Of(OnnxModel.Load(target))!.ToJson());

        string folded = Repository.Model("digits-cnn-folded.onnx");
        Outcome referenced = await Run("reference", folded, "--data", images, "--scale", "1/255", "--embed", target);
        Assert.AreEqual(0, referenced.ExitCode, referenced.Error);
        Outcome adapted = await Run("adapt", target, "--data", images, "--out", folder.File("adapted.onnx"));
        Assert.AreEqual(0, adapted.ExitCode, adapted.Error);
    }

    [TestMethod]
    public async Task A_bank_takes_images_prepared_as_its_source_model_says()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 24), source = folder.File("source.onnx"), target = folder.File("bank.onnx");
        OnnxModel model = OnnxModel.Load(Model);
        Assert.AreEqual(2, (await Run("bank", "add", Model, "--domain", "here", "--data", images, "--out", target)).ExitCode);
        Preprocessing.Presets["imagenet"].RecordIn(model);
        model.Save(source);
        model = OnnxModel.Load(source);
        Outcome outcome = await Run("bank", "add", source, "--domain", "here", "--data", images, "--policy", "adabn", "--out", target);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        var samples = new ImageSamples(ImageFiles.InFolder(images), Preprocessing.Presets["imagenet"].For(model));
        AdaptationResult expected = BatchNormAdapter.Adapt(model, samples, new AdaptationOptions { Policy = AdaptationPolicy.AdaBN });
        CollectionAssert.AreEqual(DomainBank.Of(model, "domain").With(expected.ToPatch("here")).ToModel().ToBytes(), File.ReadAllBytes(target));
    }

    [TestMethod]
    public async Task Labelled_images_take_their_classes_from_folders_or_the_list()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 24), list = folder.File("list.csv");
        File.WriteAllLines(list, ImageFiles.InFolder(images).Files.Select((file, i) => $"images/{file.Name},{(i < 12 ? 0 : 1)}"));
        string[] command = ["adapt", Model, "--data", images, "--preset", "none", "--json", "--out", folder.File("out.onnx"), "--labelled"];
        Outcome byFolder = await Run([.. command, images]), byList = await Run([.. command, list]);
        Assert.AreEqual(0, byFolder.ExitCode, byFolder.Error);
        Assert.AreEqual(byFolder.Output, byList.Output);
        using JsonDocument json = JsonDocument.Parse(byFolder.Output);
        Assert.AreEqual(24, json.RootElement.GetProperty("verdict").GetProperty("measured").GetProperty("samples").GetInt32());
        Assert.AreEqual(2, (await Run([.. command, Path.Combine(images, "car")])).ExitCode, "images of no class");
    }

    [TestMethod]
    public async Task Several_inputs_tolerate_no_broken_image_since_pairs_would_go_wrong()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 37), depth = Path.Combine(Repository.Golden, "two_inputs", "depth.npy");
        string[] command = ["adapt", Path.Combine(Repository.Golden, "two_inputs", "model.onnx"), "--input", "color", "--data", images, "--input", "depth", "--data", depth, "--preset", "none", "--out", folder.File("out.onnx")];
        Assert.AreEqual(0, (await Run(command)).ExitCode);
        File.WriteAllText(Path.Combine(images, "car", "00.png"), "broken");
        Outcome outcome = await Run([.. command, "--max-broken", "50%"]);
        Assert.AreEqual(1, outcome.ExitCode);
        Assert.Contains("an image is broken", outcome.Error);
    }

    [TestMethod]
    public async Task Preview_writes_a_sheet_also_where_nothing_else_is_done()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 10), sheet = folder.File("sheet.png");
        Outcome outcome = await Run("adapt", Model, "--data", images, "--preset", "imagenet", "--out", folder.File("out.onnx"), "--preview", sheet, "--dry-run");
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        Assert.IsTrue(File.ReadAllBytes(sheet).AsSpan().StartsWith((ReadOnlySpan<byte>)[0x89, .. "PNG"u8]));
        Assert.IsFalse(File.Exists(folder.File("out.onnx")));
        Assert.Contains("does not exist", (await Run("shift", Model, "--data", images, "--preset", "none", "--preview", folder.File("no/sheet.png"))).Error);
        string first = Path.Combine(images, "car", "00.png");
        byte[] before = File.ReadAllBytes(first);
        Assert.Contains("is one of the images", (await Run("shift", Model, "--data", images, "--preset", "none", "--preview", first)).Error);
        CollectionAssert.AreEqual(before, File.ReadAllBytes(first));
        Assert.Contains("ends in .png", (await Run("shift", Model, "--data", images, "--preset", "none", "--preview", Model)).Error);
        Assert.Contains("--preview shows pixels", (await Run("shift", Model, "--data", Path.Combine(Repository.Golden, "conv_chain", "image.npy"), "--preview", sheet)).Error);
    }

    [TestMethod]
    public async Task What_is_wrong_is_one_clear_line()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 4), target = folder.File("out.onnx"), empty = Directory.CreateDirectory(folder.File("empty")).FullName, tensors = Path.Combine(Repository.Golden, "conv_chain", "image.npy");
        File.WriteAllText(folder.File("wrong.json"), """{ "preset": "imagenet", "mean": [1, 2] }""");
        File.WriteAllText(folder.File("giant.npz"), "PK\x03\x04 and then nothing");
        File.WriteAllBytes(folder.File("noise.bin"), [1, 0, 3, 7, 255, 254]);
        File.WriteAllBytes(folder.File("half.png"), File.ReadAllBytes(Path.Combine(Images, "rgb8.png"))[..99]);
        File.WriteAllBytes(folder.File("cut.idx"), [0, 0, 8, 3, 0, 0]);
        string own = folder.File("carrier.onnx");
        OnnxModel carrier = OnnxModel.Load(Model);
        carrier.SetMetadata(Preprocessing.MetadataKey, "nonsense");
        carrier.Save(own);
        (int Code, string Says, string[] Arguments)[] cases =
        [
            (2, "holds pixels, and how the model wants them no file tells. Say it with --preset (imagenet, keras, none, torchvision)", ["--data", images]),
            (2, "--preset 'imagnet' is none of imagenet", ["--data", images, "--preset", "imagnet"]),
            (2, "both say it all", ["--data", images, "--preset", "none", "--preprocessing", folder.File("wrong.json")]),
            (1, "mean has 2 values, expected one for all or one a colour", ["--data", images, "--preprocessing", folder.File("wrong.json")]),
            (1, "nobody.json", ["--data", images, "--preprocessing", folder.File("nobody.json")]),
            (1, "pictures of size 13x13 do not fit", ["--data", images, "--preset", "none", "--size", "13"]),
            (2, "--size is '12x', expected", ["--data", images, "--preset", "none", "--size", "12x"]),
            (2, "--scale is '1/0', expected", ["--data", images, "--scale", "1/0"]),
            (2, "standard deviation is 0, expected", ["--data", images, "--std", "0"]),
            (2, "--max-broken is '7', expected a share", ["--data", images, "--preset", "none", "--max-broken", "7"]),
            (2, "holds tensors, which are taken as they are", ["--data", tensors, "--preset", "none"]),
            (1, "names no image", ["--data", empty, "--preset", "none"]),
            (1, "is a damaged zip file", ["--data", folder.File("giant.npz"), "--preset", "none"]),
            (1, "is nothing that is read here", ["--data", folder.File("noise.bin"), "--preset", "none"]),
            (1, "half.png: damaged: the file ends", ["--data", folder.File("half.png"), "--preset", "none"]),
            (1, "ends within its header", ["--data", folder.File("cut.idx"), "--preset", "none"]),
            (1, "nowhere", ["--data", folder.File("nowhere"), "--preset", "none"]),
            (2, "--fit", ["--data", images, "--preset", "none", "--fit", "squeeze"]),
        ];
        int files = Directory.GetFileSystemEntries(folder.Path).Length;
        foreach ((int code, string says, string[] arguments) in cases)
        {
            Outcome outcome = await Run(["adapt", Model, "--out", target, .. arguments]);
            Assert.AreEqual(code, outcome.ExitCode, $"{string.Join(' ', arguments)}: {outcome.Error}");
            Assert.Contains(says, outcome.Error);
            Assert.AreEqual("", outcome.Output);
            Assert.DoesNotContain("   at ", outcome.Error);
        }
        Outcome damaged = await Run("adapt", own, "--out", target, "--data", images);
        Assert.AreEqual(1, damaged.ExitCode);
        Assert.Contains("metadata 'adabn.preprocessing' cannot be used", damaged.Error);
        Assert.HasCount(files, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void The_docs_name_every_option()
    {
        string docs = File.ReadAllText(Path.Combine(Repository.Root, "docs", "preprocessing.md"));
        var command = new System.CommandLine.Command("x");
        _ = new DataOptions(command);
        foreach (System.CommandLine.Option option in command.Options) Assert.Contains($"`{option.Name}", docs);
        foreach (string preset in Preprocessing.Presets.Keys) Assert.Contains($"`{preset}`", docs);
    }

    [TestMethod]
    public async Task Single_options_stand_on_top_of_what_else_is_said()
    {
        using var folder = new TemporaryFolder();
        string images = MakeImages(folder, 20), json = folder.File("way.json"), target = folder.File("out.onnx");
        File.WriteAllText(json, """{ "preset": "imagenet", "resampling": "bicubic", "mean": 0.4 }""");
        Outcome outcome = await Run("adapt", Model, "--data", images, "--preprocessing", json, "--colors", "bgr", "--layout", "nchw", "--fit", "stretch", "--crop-share", "50%", "--size", "12x12", "--std", "0.2,1/4,0.5", "--out", target);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        Assert.AreEqual(
            """{"size":[12,12],"fit":"stretch","cropShare":0.5,"resampling":"bicubic","colors":"bgr","layout":"nchw","scale":0.00392156862745098,"mean":[0.4],"std":[0.2,0.25,0.5]}""",
            Preprocessing.Of(OnnxModel.Load(target))!.ToJson());
    }

    private static string MakeImages(TemporaryFolder folder, int count)
    {
        string images = folder.File("images");
        for (int i = 0; i < count; i++)
        {
            string place = Directory.CreateDirectory(Path.Combine(images, i < count / 2 ? "car" : "tree")).FullName;
            File.Copy(Path.Combine(Images, _kinds[i % _kinds.Length]), Path.Combine(place, $"{i:00}{Path.GetExtension(_kinds[i % _kinds.Length])}"));
        }
        return images;
    }

    private static void AssertSameButMetadata(string expected, string actual, string what)
    {
        OnnxModel with = OnnxModel.Load(actual), without = OnnxModel.Load(expected);
        Assert.AreEqual(without.ComputationSha256(), with.ComputationSha256(), what);
        Preprocessing.Of(with)!.RecordIn(without);
        CollectionAssert.AreEqual(without.ToBytes(), with.ToBytes(), what);
    }

    private static async Task<Outcome> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exitCode = await AdabnCommand.RunAsync(arguments, output, error);
        return new Outcome(exitCode, output.ToString(), error.ToString());
    }

    private sealed record Outcome(int ExitCode, string Output, string Error);
}

using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

[TestClass]
public sealed class BankCommandTests
{
    private static readonly string Model = Path.Combine(Repository.Golden, "conv_chain", "model.onnx"), Data = Path.Combine(Repository.Golden, "conv_chain", "image.npy");

    [TestMethod]
    public async Task A_bank_is_made_listed_exported_applied_and_unmade()
    {
        using var folder = new TemporaryFolder();
        string bank = folder.File("sites.onnx"), plain = folder.File("plain.onnx"), applied = folder.File("applied.onnx"), patch = folder.File("south.adabn");
        string[] paper = ["--policy", "adabn", "--judge", "0"];
        await Expect(0, ["adapt", Model, "--data", Data, "--out", plain, .. paper]);
        Assert.Contains("domain 'north' has the id 1, the bank 1 domains", await Expect(0, "bank", "add", Model, "--domain", "north", "--data", Data, "--out", bank, "--policy", "prior:8"));
        Assert.Contains("domain 'south' has the id 7, the bank 2 domains", await Expect(0, ["bank", "add", bank, "--domain", "south", "--data", Data, "--id", "7", "--out", bank, "--unknown", "fails", .. paper]));
        string list = await Expect(0, "bank", "list", bank);
        foreach (string said in (string[])["north", "source prior of 8 images", "south", " 7  │ south", "an unknown id fails"]) Assert.Contains(said, list);
        using JsonDocument json = JsonDocument.Parse(await Expect(0, "bank", "list", bank, "--json"));
        Assert.AreEqual("fails", json.RootElement.GetProperty("unknown").GetString());
        Assert.AreEqual(7, json.RootElement.GetProperty("domains")[1].GetProperty("id").GetInt64());
        Assert.AreEqual(OnnxModel.Load(Model).Sha256, json.RootElement.GetProperty("sourceSha256").GetString());

        await Expect(0, "bank", "export", bank, "--domain", "south", "--out", patch);
        await Expect(0, "bank", "apply", Model, "--patch", patch, "--out", applied);
        CollectionAssert.AreEqual(await File.ReadAllBytesAsync(plain), await File.ReadAllBytesAsync(applied), "elsewhere");
        await Expect(0, "bank", "apply", bank, "--domain", "south", "--out", applied);
        CollectionAssert.AreEqual(await File.ReadAllBytesAsync(plain), await File.ReadAllBytesAsync(applied), "out of the bank");
        await Expect(0, "bank", "add", Model, "--patch", patch, "--domain", "west", "--out", folder.File("other.onnx"));
        Assert.AreEqual("west", DomainBank.Open(OnnxModel.Load(folder.File("other.onnx"))).Domains.Single().Name);

        await Expect(0, "bank", "export", bank, "--source", "--out", folder.File("source.onnx"));
        CollectionAssert.AreEqual(await File.ReadAllBytesAsync(Model), await File.ReadAllBytesAsync(folder.File("source.onnx")));
        await Expect(0, "bank", "remove", bank, "--domain", "north", "--out", bank);
        Assert.Contains("this is the source model", await Expect(0, "bank", "remove", bank, "--domain", "south", "--out", bank));
        CollectionAssert.AreEqual(await File.ReadAllBytesAsync(Model), await File.ReadAllBytesAsync(bank));
    }

    [TestMethod]
    public async Task Wrong_use_is_told_and_files_stay()
    {
        using var folder = new TemporaryFolder();
        string bank = folder.File("sites.onnx"), patch = folder.File("p.adabn");
        await Expect(0, "bank", "add", Model, "--domain", "north", "--data", Data, "--out", bank);
        await Expect(0, "bank", "export", bank, "--domain", "north", "--out", patch);
        byte[] before = await File.ReadAllBytesAsync(bank);
        (int ExitCode, string Says, string[] Arguments)[] faults =
        [
            (2, "Give either --data", ["bank", "add", bank, "--domain", "a", "--out", bank]),
            (2, "Give either --data", ["bank", "add", bank, "--domain", "a", "--data", Data, "--patch", patch, "--out", bank]),
            (2, "Give the domain a name", ["bank", "add", bank, "--data", Data, "--out", bank]),
            (2, "is the source model itself", ["bank", "add", Model, "--domain", "a", "--data", Data, "--out", Model]),
            (2, "The id 1 is that of domain 'north'", ["bank", "add", bank, "--domain", "a", "--data", Data, "--id", "1", "--out", bank]),
            (1, "is no bank of domains", ["bank", "list", Model]),
            (2, "has no domain 'nowhere'", ["bank", "remove", bank, "--domain", "nowhere", "--out", bank]),
            (2, "Give either --domain NAME or --source", ["bank", "export", bank, "--out", patch]),
            (2, "is no bank and has no domain", ["bank", "apply", Model, "--domain", "north", "--out", folder.File("x.onnx")]),
            (1, "are of another model", ["bank", "apply", Repository.Model("digits-cnn.onnx"), "--patch", patch, "--out", folder.File("x.onnx")]),
            (1, "is no file of a domain's statistics", ["bank", "apply", Model, "--patch", Data, "--out", folder.File("x.onnx")]),
            (2, "expected from 1", ["bank", "add", bank, "--domain", "a", "--data", Data, "--id", "0", "--out", bank]),
            (2, "is the domain's exported statistics itself", ["bank", "add", Model, "--patch", patch, "--out", patch]),
            (2, "is the domain's exported statistics itself", ["bank", "apply", Model, "--patch", patch, "--out", patch]),
            (1, "is a bank of domains", ["adapt", bank, "--data", Data, "--out", folder.File("x.onnx")]),
            (1, "has a value named 'image' already", ["bank", "add", Model, "--domain", "a", "--data", Data, "--input-name", "image", "--out", folder.File("x.onnx")]),
        ];
        foreach ((int exitCode, string says, string[] arguments) in faults) Assert.Contains(says, await Expect(exitCode, arguments), string.Join(' ', arguments));
        CollectionAssert.AreEqual(before, await File.ReadAllBytesAsync(bank));
        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public async Task A_mixed_set_is_split_by_itself()
    {
        using var folder = new TemporaryFolder();
        string data = folder.File("mixed.npy"), bank = folder.File("mixed.onnx");
        var random = new Random(1);
        float[][] images = [.. ShippedDigits.Mnist.Images[..300].Select((digit, i) => digit.Select(pixel => i < 100 ? (0.25f * pixel) + 0.3f : Math.Clamp(pixel + random.NextSingle() - 0.5f, 0, 1)).ToArray())];
        Npy.Write(data, [.. images.SelectMany(image => image)], images.Length, 1, 28, 28);
        string said = await Expect(0, "bank", "split", Repository.Model("digits-cnn.onnx"), "--data", data, "--out", bank);
        Assert.Contains("cluster 1: 200 images", said);
        Assert.Contains("cluster 2: 100 images", said);
        Assert.Contains("2 domains, told from the image", said);
        Assert.Contains("told from the image", await Expect(0, "bank", "list", bank));
        using JsonDocument json = JsonDocument.Parse(await Expect(0, "bank", "split", Repository.Model("digits-cnn.onnx"), "--data", data, "--out", bank, "--most", "1", "--json"));
        Assert.AreEqual(1, json.RootElement.GetProperty("domains").GetArrayLength());
        Assert.AreEqual(300, json.RootElement.GetProperty("assigned").GetArrayLength());
    }

    [TestMethod]
    public async Task The_gate_keeps_a_domain_out()
    {
        using var folder = new TemporaryFolder();
        string same = folder.File("same.npy"), bank = folder.File("sites.onnx");
        Npy.Write(same, [.. ShippedDigits.Mnist.Images.SelectMany(digit => digit)], ShippedDigits.Mnist.Images.Length, 1, 28, 28);
        Assert.Contains("wrote nothing (--gate)", await Expect(3, "bank", "add", Repository.Model("digits-cnn.onnx"), "--domain", "home", "--data", same, "--out", bank, "--gate"));
        Assert.IsFalse(File.Exists(bank));
    }

    /// <summary>What a command says, on either stream.</summary>
    private static async Task<string> Expect(int exitCode, params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        int found = await AdabnCommand.RunAsync(arguments, output, error);
        Assert.AreEqual(exitCode, found, error.ToString());
        return (exitCode is AdabnCommand.Success or AdabnCommand.Alert ? output : error).ToString().ReplaceLineEndings(" ");
    }
}

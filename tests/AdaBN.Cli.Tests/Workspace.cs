using System.Globalization;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

/// <summary>A folder with every file that the examples in the command's help name, and the working folder as long as a test is in it.</summary>
internal sealed class Workspace : IDisposable
{
    private static readonly Lazy<Task<TemporaryFolder>> Files = new(Make);
    private static readonly string[] Kinds = ["rgb8.png", "420.jpg", "gray.jpg", "exif6.jpg", "rgb24.bmp", "rgba8.png", "palette8.png", "progressive444.jpg"];
    private readonly TemporaryFolder _folder = new();
    private readonly string _before = Environment.CurrentDirectory;

    private Workspace() => Environment.CurrentDirectory = _folder.Path;

    public string Path => _folder.Path;

    public static async Task<Workspace> Open()
    {
        TemporaryFolder files = await Files.Value;
        var workspace = new Workspace();
        Copy(files.Path, workspace.Path);
        return workspace;
    }

    /// <summary>All files in it and their bytes.</summary>
    public Dictionary<string, byte[]> Content() => Directory.GetFiles(Path, "*", SearchOption.AllDirectories).ToDictionary(file => System.IO.Path.GetRelativePath(Path, file), File.ReadAllBytes);

    public void Dispose()
    {
        Environment.CurrentDirectory = _before;
        _folder.Dispose();
    }

    private static async Task<TemporaryFolder> Make()
    {
        var folder = new TemporaryFolder();
        string twin = System.IO.Path.Combine(Repository.Root, "tests", "Folded", "small");
        foreach ((string from, string to) in ((string, string)[])[("kept.onnx", "classifier.onnx"), ("folded.onnx", "folded.onnx"), ("source.npy", "training.npy"), ("target.npy", "site42.npy"), ("target.npy", "today.npy")])
            File.Copy(System.IO.Path.Combine(twin, from), folder.File(to));
        foreach (string set in (string[])["site42", "today", "north", "south", "training", "all-cameras"]) MakeImages(folder.File(set), 24);
        foreach (int label in (int[])[0, 1, 2, 3]) MakeImages(System.IO.Path.Combine(folder.File("labelled42"), label.ToString(CultureInfo.InvariantCulture)), 5);
        File.WriteAllText(folder.File("site42.txt"), string.Join('\n', Enumerable.Range(0, 48).Select(i => (i % 4).ToString(CultureInfo.InvariantCulture))));
        foreach (string line in (string[])
        [
            "adapt classifier.onnx --data site42.npy --policy adabn --out classifier.site42.onnx", "reference folded.onnx --data training.npy --out folded.reference",
            "bank add classifier.onnx --domain north --data site42.npy --out sites.onnx", "bank add classifier.onnx --domain south --data training.npy --out south.onnx",
            "bank export south.onnx --domain south --out south.adabn",
            "measure classifier.onnx --data site42.npy --stage 0 --shard 0/2 --out 0.north.part", "measure classifier.onnx --data site42.npy --stage 0 --shard 1/2 --out 1.north.part",
        ])
        {
            string[] words = [.. line.Split(' ').Select(word => word.Contains('.', StringComparison.Ordinal) ? folder.File(word) : word)];
            Outcome outcome = await Cli.Run(words);
            Assert.AreEqual(0, outcome.ExitCode, $"{line}: {outcome.Error}");
        }
        File.Delete(folder.File("south.onnx"));
        return folder;
    }

    private static void MakeImages(string folder, int count)
    {
        Directory.CreateDirectory(folder);
        for (int i = 0; i < count; i++)
        {
            string kind = Kinds[i % Kinds.Length];
            File.Copy(System.IO.Path.Combine(Repository.Root, "tests", "Images", kind), System.IO.Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:00}{System.IO.Path.GetExtension(kind)}")));
        }
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = System.IO.Path.Combine(to, System.IO.Path.GetRelativePath(from, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}

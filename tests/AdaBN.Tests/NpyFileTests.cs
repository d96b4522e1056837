using AdaBN.TestSupport;

namespace AdaBN.Tests;

[TestClass]
public sealed class NpyFileTests
{
    [TestMethod]
    public void Reads_what_was_written()
    {
        using var folder = new TemporaryFolder();
        float[] data = [.. Enumerable.Range(0, 24).Select(i => i / 3f)];
        Npy.Write(folder.File("x.npy"), data, 4, 2, 3);
        NpyFile file = NpyFile.Open(folder.File("x.npy"), "image");

        Assert.AreEqual(4, file.Count);
        Assert.AreEqual("'image' (2, 3)", file.Inputs[0].ToString());
        var read = new List<float>();
        var sample = new float[6];
        using ISampleReader reader = file.OpenReader();
        while (reader.TryRead([sample])) read.AddRange(sample);
        CollectionAssert.AreEqual(data, read);
    }

    [TestMethod]
    public void NumPy_s_own_files_give_the_golden_statistics()
    {
        var golden = new GoldenCase("conv_chain");
        AdaptationReport report = BatchNormAdapter.Adapt(golden.Model, NpyFile.Open(Path.Combine(golden.Folder, "image.npy")), PaperAdaBN.Options).Report;
        Assert.AreEqual(golden.Layers[0].Mean[0], golden.Match(golden.Layers[0], report).TargetMean[0], 1e-6);
    }

    [TestMethod]
    public void Files_of_another_kind_are_refused_with_the_mend()
    {
        using var folder = new TemporaryFolder();
        Npy.Write(folder.File("flat.npy"), [1, 2, 3], 3);
        Assert.Contains("axes", Refusal(folder.File("flat.npy")));

        Npy.Write(folder.File("short.npy"), [1, 2, 3], 2, 2);
        Assert.Contains("16 bytes", Refusal(folder.File("short.npy")));

        Npy.Write(folder.File("double.npy"), [1, 2, 3, 4], 2, 2);
        Rewrite(folder.File("double.npy"), "<f4", "<f8");
        Assert.Contains("astype('float32')", Refusal(folder.File("double.npy")));

        Npy.Write(folder.File("fortran.npy"), [1, 2, 3, 4], 2, 2);
        Rewrite(folder.File("fortran.npy"), "False", "True ");
        Assert.Contains("C order", Refusal(folder.File("fortran.npy")));

        File.WriteAllText(folder.File("text.npy"), "1,2,3,4,5,6,7,8");
        Assert.Contains("no NumPy file", Refusal(folder.File("text.npy")));
        File.WriteAllText(folder.File("empty.npy"), "");
        Assert.Contains("no NumPy file", Refusal(folder.File("empty.npy")));
    }

    private static void Rewrite(string file, string old, string replacement) =>
        File.WriteAllBytes(file, System.Text.Encoding.Latin1.GetBytes(System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(file)).Replace(old, replacement, StringComparison.Ordinal)));

    private static string Refusal(string file) => Assert.ThrowsExactly<InvalidDataException>(() => NpyFile.Open(file)).Message;
}

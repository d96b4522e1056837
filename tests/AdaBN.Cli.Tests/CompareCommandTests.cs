using System.Text.Json;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Cli.Tests;

[TestClass]
public sealed class CompareCommandTests
{
    private static readonly string Folder = Path.Combine(Repository.Golden, "conv_chain"), Model = Path.Combine(Folder, "model.onnx"), Data = Path.Combine(Folder, "image.npy");

    [TestMethod]
    public async Task Source_and_adapted_differ_in_statistics_alone_and_an_exit_code_says_so()
    {
        using var folder = new TemporaryFolder();
        string adapted = folder.File("adapted.onnx"), tampered = folder.File("tampered.onnx");
        Assert.AreEqual(0, (await Cli.Run("adapt", Model, "--data", Data, "--out", adapted, "--policy", "adabn")).ExitCode);
        Outcome compared = await Cli.Run("compare", Model, adapted, "--fail-on-other", "--channels", "1", "--data", Data);
        Assert.AreEqual(0, compared.ExitCode, compared.Error);
        Assert.Contains("statistics differ in 3 of 3 layers (6 tensors)", compared.Output);
        Assert.Contains("nothing else differs: every other tensor, node and field is the same, byte for byte", compared.Output);
        Assert.Contains("metadata adabn.samples: nothing → '37'", compared.Output);
        ScoreComparison scores = ScoreComparison.Of(Scores(Model), Scores(adapted));
        Assert.Contains(FormattableString.Invariant($"{scores.Same} of 37 samples ({100 * scores.Agreement:0.0} %) are taken for the same class; scores differ by {scores.Largest:g3} at most (sample {scores.LargestSample})"), compared.Output);
        Assert.AreEqual(3, (await Cli.Run("compare", Model, adapted, "--fail-on-difference")).ExitCode);

        OnnxModel edited = OnnxModel.Load(adapted);
        GraphEditor.Rename(edited.Graph.Nodes[0], "renamed");
        edited.Save(tampered);
        Outcome other = await Cli.Run("compare", Model, tampered, "--fail-on-other");
        Assert.AreEqual(3, other.ExitCode);
        Assert.Contains("node Conv 'renamed' changed: name", other.Output);
        Assert.Contains("more than statistics differs", other.Output);
    }

    [TestMethod]
    public async Task Equal_files_are_told()
    {
        Outcome same = await Cli.Run("compare", Model, Model, "--fail-on-difference");
        Assert.AreEqual(0, same.ExitCode, same.Error);
        Assert.Contains("the files are equal, byte for byte", same.Output);
    }

    [TestMethod]
    public async Task Json_holds_channels_and_scores()
    {
        using var folder = new TemporaryFolder();
        string adapted = folder.File("adapted.onnx");
        await Cli.Run("adapt", Model, "--data", Data, "--out", adapted);
        Outcome outcome = await Cli.Run("compare", Model, adapted, "--json", "--data", Data);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Error);
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        Assert.AreEqual(OnnxModel.Load(adapted).Sha256, json.RootElement.GetProperty("secondSha256").GetString());
        Assert.AreEqual(37, json.RootElement.GetProperty("scores").GetProperty("samples").GetInt32());
        Assert.IsGreaterThan(0, json.RootElement.GetProperty("layers")[0].GetProperty("channels").GetArrayLength());
    }

    private static ScoredSamples Scores(string model) => ModelEvaluation.Score(OnnxModel.Load(model), NpyFile.Open(Data));
}

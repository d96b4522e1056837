using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Onnx.Serialization;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Every model there is: after an adaptation nothing differs but running means, running variances and the note of where they come from.</summary>
[TestClass]
public sealed class RoundTripTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Of_any_model_only_the_statistics_change()
    {
        string[] own = [.. Directory.GetFiles(Repository.Root, "*.onnx", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 })
            .Where(file => !file.Contains("artifacts", StringComparison.Ordinal) && !file.Contains("node_modules", StringComparison.Ordinal))];
        int adapted = 0, declined = 0;
        foreach (string file in own.Concat(OnnxTestData.IsInstalled ? OnnxTestData.Models : []))
        {
            OnnxModel source = OnnxModel.Load(file);
            if (!NormalizationDiscovery.Inspect(source).Any(layer => layer.CanAdapt)) continue;
            try
            {
                RequireOnlyStatisticsChanged(file, source, BatchNormAdapter.Adapt(source, Samples(source), PaperAdaBN.Options).Model);
                adapted++;
            }
            catch (AdaptationException)
            {
                declined++; // a form or an input that is not supported; which ones are is for other tests
            }
        }
        TestContext.WriteLine($"{adapted} models adapted, {declined} declined");
        Assert.IsGreaterThanOrEqualTo(OnnxTestData.IsInstalled ? 24 : 19, adapted, $"{declined} declined");
    }

    private static void RequireOnlyStatisticsChanged(string file, OnnxModel source, OnnxModel adapted)
    {
        HashSet<string> statistics = [.. source.Graph.Nodes.Where(node => node.Is(BatchNormalization.OpType)).SelectMany(node => node.Inputs.Skip(BatchNormalization.MeanInput)).Select(value => value!.Name)];
        ModelProto before = ModelProto.Parser.ParseFrom(source.ToBytes()), after = ModelProto.Parser.ParseFrom(adapted.ToBytes());
        if (statistics.Any(name => !before.Graph.Initializer.Any(tensor => tensor.Name == name)))
        {
            RequireNothingElseIsNew(file, before, after);
            return;
        }
        Assert.HasCount(before.Graph.Initializer.Count, after.Graph.Initializer, file);
        for (int i = 0; i < before.Graph.Initializer.Count; i++)
        {
            TensorProto old = before.Graph.Initializer[i], now = after.Graph.Initializer[i];
            if (!statistics.Contains(old.Name)) continue;
            Assert.AreEqual(old.Name, now.Name, file);
            CollectionAssert.AreEqual(old.Dims, now.Dims, file);
            after.Graph.Initializer[i] = old;
        }
        foreach (StringStringEntryProto note in after.MetadataProps.Where(entry => entry.Key.StartsWith("adabn.", StringComparison.Ordinal)).ToList()) after.MetadataProps.Remove(note);
        foreach (StringStringEntryProto note in before.MetadataProps.Where(entry => entry.Key.StartsWith("adabn.", StringComparison.Ordinal)).ToList()) before.MetadataProps.Remove(note);
        Assert.AreEqual(before, after, file);
    }

    /// <summary>Where statistics are made by nodes, initializers take their place and what nobody reads any more is gone; the rest stays.</summary>
    private static void RequireNothingElseIsNew(string file, ModelProto before, ModelProto after)
    {
        string[] written = [.. after.Graph.Node.Where(node => node.OpType == BatchNormalization.OpType).SelectMany(node => node.Input.Skip(BatchNormalization.MeanInput))];
        foreach (TensorProto tensor in after.Graph.Initializer.Where(tensor => !written.Contains(tensor.Name))) Assert.Contains(tensor, before.Graph.Initializer, file);
        foreach (NodeProto node in after.Graph.Node)
        {
            NodeProto old = before.Graph.Node.Single(candidate => candidate.Output.SequenceEqual(node.Output));
            if (node.OpType != BatchNormalization.OpType) Assert.AreEqual(old, node, file);
            else CollectionAssert.AreEqual(old.Input.Take(BatchNormalization.MeanInput).ToArray(), node.Input.Take(BatchNormalization.MeanInput).ToArray(), file);
        }
    }

    private static ISampleSource Samples(OnnxModel model)
    {
        SampleInput[] inputs = [.. model.Graph.RequiredInputs.Select(input => new SampleInput(input.Name, [.. input.Type!.Shape!.Value.Skip(1).Select(axis => (int)(axis.Length ?? 8))]))];
        return SampleSource.FromArrays(inputs, Enumerable.Range(0, 3).Select(i => inputs.Select(input => Enumerable.Range(0, input.Length).Select(k => MathF.Sin((i * 31) + k)).ToArray()).ToArray()));
    }
}

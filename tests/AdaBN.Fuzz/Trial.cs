using AdaBN.Onnx;
using AdaBN.Onnx.Ops;
using AdaBN.Onnx.Serialization;

namespace AdaBN.Fuzz;

/// <summary>The whole way of one damaged model: load, inspect, save, load again, measure the shift, rewrite, align, adapt, save. Only this library's own errors may come of it.</summary>
internal sealed class Trial
{
    public const string DataFile = "w.bin";
    private const int MostElements = 1 << 14;

    private readonly string _root, _input, _output;
    private readonly string[] _expected;

    public Trial(string root)
    {
        _root = root;
        (_input, _output) = (Path.Combine(root, "in"), Path.Combine(root, "out"));
        Directory.CreateDirectory(_input);
        Directory.CreateDirectory(_output);
        File.WriteAllBytes(Path.Combine(_input, DataFile), [.. Enumerable.Range(0, 64).Select(i => (byte)i)]);
        File.WriteAllBytes(Path.Combine(root, "secret.bin"), [.. Enumerable.Range(0, 4096).Select(_ => (byte)'s')]);
        File.WriteAllBytes(Path.Combine(_input, "m.onnx"), []);
        _expected = Entries();
    }

    /// <summary>Runs the way; the kind of error that ended it, or how far it came.</summary>
    /// <param name="bytes">The damaged model file.</param>
    /// <param name="adapts">Whether to adapt as well.</param>
    /// <param name="cancellation">Ends an adaptation of a model that computes for too long.</param>
    public string Run(byte[] bytes, bool adapts, CancellationToken cancellation)
    {
        string path = Path.Combine(_input, "m.onnx"), saved = Path.Combine(_output, "saved.onnx");
        File.WriteAllBytes(path, bytes);
        try
        {
            OnnxModel model = OnnxModel.Load(path);
            foreach (NormalizationLayer layer in NormalizationDiscovery.Inspect(model)) _ = layer.ToString();
            _ = $"{model.Producer} {model.Opset} {string.Join(", ", model.Graph.Inputs)} {string.Join(", ", model.Graph.Outputs)}";
            byte[] again = model.ToBytes();
            Require(ModelProto.Parser.ParseFrom(bytes).Equals(ModelProto.Parser.ParseFrom(again)), "the saved model says something else");
            model.Save(saved);
            Require(File.ReadAllBytes(saved).AsSpan().SequenceEqual(OnnxModel.Load(saved).ToBytes()), "saving twice gives other bytes");
            if (!adapts) return "saved";
            TryMeasureShift(model, cancellation);
            TryRewrite(model, bytes.Length, saved);
            TryAlign(model, saved, cancellation);
            if (DomainBank.IsBank(model)) return TakeApart(model, saved);
            AdaptationResult result = BatchNormAdapter.Adapt(model, Data(model), new AdaptationOptions { Workers = 1, MaxMemory = 256 << 20, AllowImageOutput = true }, null, cancellation);
            RequireOnlyStatisticsChanged(model, result.Model);
            result.Model.Save(saved);
            OnnxModel.Load(saved);
            PutTogether(model, result, saved);
            return "adapted";
        }
        catch (OnnxModelException e)
        {
            return $"OnnxModelException: {Kind(e.Message.Replace(path, "m.onnx", StringComparison.Ordinal).Replace(_root, "", StringComparison.Ordinal))}";
        }
        catch (AdaptationException e)
        {
            return $"AdaptationException {e.Error}: {Kind(e.Message)}";
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return "stopped: the model computes for too long";
        }
        finally
        {
            foreach (string entry in Directory.GetFileSystemEntries(_output))
            {
                if (Directory.Exists(entry)) Directory.Delete(entry, recursive: true);
                else File.Delete(entry);
            }
            Require(Entries().SequenceEqual(_expected), $"files appeared: {string.Join(", ", Entries().Except(_expected))}");
        }
    }

    private static void TryMeasureShift(OnnxModel model, CancellationToken cancellation)
    {
        try
        {
            DomainShift.Measure(model, Data(model), new ShiftOptions { SourceSamples = Data(model), Mmd = true, Measuring = new AdaptationOptions { Workers = 1 } }, null, cancellation).ToJson();
        }
        catch (Exception e) when (e is OnnxModelException or AdaptationException)
        {
            // The adaptation finds the same fault or another; how far it comes is what counts.
        }
    }

    /// <summary>One way of rewriting a model, its size tells which.</summary>
    private static void TryRewrite(OnnxModel model, int size, string saved)
    {
        NormalizationRewrite[] ways = [NormalizationRewrite.ToInstanceNorm, NormalizationRewrite.ToSourceStyle, NormalizationRewrite.ToBatchInstanceNorm(0.5), NormalizationRewrite.ToInstanceBatchNorm(2)];
        try
        {
            RewriteResult result = NormalizationRewriter.Rewrite(model, ways[size % ways.Length]);
            result.Report.ToJson();
            result.Model.Save(saved);
            OnnxModel.Load(saved);
        }
        catch (Exception e) when (e is OnnxModelException or AdaptationException)
        {
            // As above.
        }
    }

    private static void TryAlign(OnnxModel model, string saved, CancellationToken cancellation)
    {
        try
        {
            var options = new AdaptationOptions { Workers = 1, Policy = AdaptationPolicy.AdaBN, JudgementImages = 0, AllowImageOutput = true };
            ReferenceStatistics reference = ReferenceStatistics.MeasurePixels(model, Data(model), options, null, cancellation);
            BatchNormAdapter.Adapt(model, Data(model), options with { Reference = reference, LayerFilter = layer => layer.IsInput }, null, cancellation).Model.Save(saved);
            OnnxModel.Load(saved);
        }
        catch (Exception e) when (e is OnnxModelException or AdaptationException)
        {
            // As above.
        }
    }

    /// <summary>A damaged bank: each domain's statistics, and the file it makes again.</summary>
    private static string TakeApart(OnnxModel model, string saved)
    {
        DomainBank bank = DomainBank.Open(model);
        foreach (BankedDomain domain in bank.Domains) bank.Export(domain.Name).ApplyTo(bank.Source).Save(saved);
        bank.ToModel().Save(saved);
        DomainBank.Open(OnnxModel.Load(saved));
        return "taken apart";
    }

    /// <summary>A bank of a damaged model gives that back, unless it had to be brought into another form.</summary>
    private static void PutTogether(OnnxModel model, AdaptationResult result, string saved)
    {
        try
        {
            DomainBank.Of(model).With(result.ToPatch("a")).ToModel().Save(saved);
            OnnxModel source = DomainBank.Open(OnnxModel.Load(saved)).Source;
            Require(source.Graph.Nodes.Count != model.Graph.Nodes.Count || source.ToBytes().Length != model.ToBytes().Length || source.ToBytes().AsSpan().SequenceEqual(model.ToBytes()), "a bank gives another source model back");
        }
        catch (Exception e) when (e is OnnxModelException or AdaptationException)
        {
            // Forms that no bank holds are told by name.
        }
    }

    private string[] Entries() => [.. Directory.GetFileSystemEntries(_root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static void RequireOnlyStatisticsChanged(OnnxModel source, OnnxModel adapted)
    {
        HashSet<string> statistics = [.. source.Graph.Nodes.Where(node => node.Is(BatchNormalization.OpType)).SelectMany(node => node.Inputs.Skip(BatchNormalization.MeanInput)).Select(value => value?.Name ?? "")];
        foreach ((Initializer before, Initializer after) in source.Graph.Initializers.Zip(adapted.Graph.Initializers))
            Require(before.Name == after.Name && (statistics.Contains(before.Name) || before.ToSerializedBytes().AsSpan().SequenceEqual(after.ToSerializedBytes())), $"'{before.Name}' changed");
    }

    /// <summary>A few samples of the shape that the model declares, where that is small.</summary>
    private static ISampleSource Data(OnnxModel model)
    {
        SampleInput[] inputs = [.. model.Graph.RequiredInputs.Select(input =>
        {
            int[] shape = [.. (input.Type?.Shape ?? []).Skip(1).Select(dimension => (int)Math.Clamp(dimension.Length ?? 4, 1, MostElements))];
            if (shape.Aggregate(1L, (product, length) => product > MostElements ? product : product * length) > MostElements) shape = [MostElements];
            return new SampleInput(input.Name, [.. shape]);
        })];
        return SampleSource.FromArrays(inputs, Enumerable.Range(0, 3).Select(i => inputs.Select(input =>
            Enumerable.Range(0, input.Length).Select(k => (float)Math.Sin((i * 31) + k)).ToArray()).ToArray()));
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds) throw new InvalidOperationException(otherwise);
    }

    /// <summary>A message without its particulars.</summary>
    private static string Kind(string message)
    {
        string plain = System.Text.RegularExpressions.Regex.Replace(message, @"'[^']*'|""[^""]*""|\[[^\]]*\]|-?\d+", "…");
        return plain.Length > 90 ? plain[..90] : plain;
    }
}

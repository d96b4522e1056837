using System.Text.RegularExpressions;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Onnx;
#if !OFFLINE_DEPENDENCIES
using Microsoft.ML.Transforms.Image;
#endif

namespace AdaBN.MLNet.Tests;

/// <summary>README's code is this file's code: it compiles, runs, and stands in README to the letter.</summary>
[TestClass]
public sealed partial class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md")).ReplaceLineEndings("\n");

    [TestMethod]
    public void The_pipeline_snippet_runs() => InFolderWithModel(() =>
    {
        DigitRow[] scans = [.. Enumerable.Range(0, 8).Select(i => new DigitRow { Image = RandomImage(i) })];
        // begin pipeline
        var mlContext = new MLContext();
        IDataView newSite = mlContext.Data.LoadFromEnumerable(scans); // a float vector "image" a row; labels, if any, are never read

        var pipeline = mlContext.Transforms.AdaptOnnxModel("logits", "image", "digits-cnn.onnx", environment: mlContext);
        using OnnxAdaptationTransformer adapted = pipeline.Fit(newSite);

        IDataView scored = adapted.Transform(newSite);
        foreach (LayerReport layer in adapted.Report.Layers) Console.WriteLine($"{layer.Name}: shift {layer.Shift:0.000}");
        adapted.SaveOnnx("digits-cnn.site42.onnx");                          // for any ONNX Runtime program
        mlContext.Model.Save(adapted, newSite.Schema, "pipeline.site42.zip"); // loads in stock ML.NET
        // end pipeline
        Assert.HasCount(8, ConvChain.Logits(mlContext, scored));
        Assert.IsTrue(File.Exists("digits-cnn.site42.onnx") && File.Exists("pipeline.site42.zip"));
    });

    [TestMethod]
    public void The_engine_snippet_runs() => InFolderWithModel(() =>
    {
        float[][] images = [.. Enumerable.Range(0, 8).Select(RandomImage)];
        // begin engine
        OnnxModel model = OnnxModel.Load("digits-cnn.onnx");
        ISampleSource samples = SampleSource.FromArrays(images, 1, 28, 28); // or NpyFile.Open("site42.npy"), or your own ISampleSource
        AdaptationResult result = BatchNormAdapter.Adapt(model, samples, new AdaptationOptions { BatchSize = 64 });
        result.Model.Save("digits-cnn.site42.onnx");
        // end engine
        Assert.AreEqual(8, result.Report.Samples);
    });

    [TestMethod]
    public void The_sites_snippet_runs() => InFolderWithModel(() =>
    {
        SiteRow[] digits = [.. Enumerable.Range(0, 16).Select(i => new SiteRow { Image = RandomImage(i), Site = 1 + (i % 2) })];
        // begin sites
        var mlContext = new MLContext();
        IDataView rows = mlContext.Data.LoadFromEnumerable(digits); // "image", and the id of its site, from 1, in "site"

        var pipeline = mlContext.Transforms.AdaptOnnxModel("logits", "image", "digits-cnn.onnx", domainColumnName: "site");
        using OnnxAdaptationTransformer sites = pipeline.Fit(rows); // reads the rows once, adapts to each site
        IDataView scored = sites.Transform(rows);                   // each row by its own site's statistics

        sites.SaveOnnx("digits-cnn.sites.onnx");
        DomainBank bank = DomainBank.Open(OnnxModel.Load("digits-cnn.sites.onnx"));
        bank.Export("2").Save("site-2.adabn"); // a few KB, for the same model elsewhere
        // end sites
        Assert.HasCount(16, ConvChain.Logits(mlContext, scored));
        Assert.IsTrue(File.Exists("site-2.adabn"));
    });

    [TestMethod]
    public void The_saved_snippet_runs() => InFolderWithModel(() =>
    {
        DigitRow[] scans = [.. Enumerable.Range(0, 8).Select(i => new DigitRow { Image = RandomImage(i) })];
        var context = new MLContext();
        IDataView rows = context.Data.LoadFromEnumerable(scans);
        context.Model.Save(context.Transforms.ApplyOnnxModel("logits", "image", "digits-cnn.onnx").Fit(rows), rows.Schema, "pipeline.zip");
        byte[] before = File.ReadAllBytes("pipeline.zip");
        // begin saved
        var mlContext = new MLContext();
        IDataView tonight = mlContext.Data.LoadFromEnumerable(scans); // rows as the pipeline takes them

        SavedModelAdaptation done = mlContext.Model.AdaptSavedModel("pipeline.zip", tonight, environment: mlContext);
        foreach (AdaptedStep step in done.Steps) Console.WriteLine($"{step.Step}: {step.Result.Report.Verdict.Kind}");
        if (!done.IsWritten) Console.WriteLine("pipeline.zip stays as it is");
        // end saved
        Assert.AreEqual(done.IsWritten, !before.AsSpan().SequenceEqual(File.ReadAllBytes("pipeline.zip")));
    });

    [TestMethod]
    public void The_more_snippet_runs() => InFolderWithModel(() =>
    {
        var mlContext = new MLContext();
        IDataView monday = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(i => new DigitRow { Image = RandomImage(i) }).ToArray()), tuesday = monday;
        // begin more
        var pipeline = mlContext.Transforms.AdaptOnnxModel("logits", "image", "digits-cnn.onnx", environment: mlContext);
        using OnnxAdaptationTransformer first = pipeline.Fit(monday);
        using OnnxAdaptationTransformer both = first.FitMore(tuesday); // monday's rows are not read again
        // end more
        Assert.AreEqual(16, both.Report.Samples);
    });

    [TestMethod]
    public void The_options_snippet_runs() => InFolderWithModel(() =>
    {
        var mlContext = new MLContext();
        using var stop = new CancellationTokenSource();
        // begin options
        var scoring = new OnnxOptions
        {
            ModelFile = "digits-cnn.onnx", InputColumns = ["image"], OutputColumns = ["logits"],
            IntraOpNumThreads = 2, GpuDeviceId = 0, FallbackToCpu = true,
        };
        var pipeline = mlContext.Transforms.AdaptOnnxModel(scoring, new AdaptationOptions { Workers = 2 }, environment: mlContext, cancellationToken: stop.Token);
        // end options
        stop.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => pipeline.Fit(mlContext.Data.LoadFromEnumerable([new DigitRow { Image = RandomImage(0) }])));
    });

#if !OFFLINE_DEPENDENCIES
    [TestMethod]
    public void The_pictures_snippet_runs() => InFolderWithModel(() =>
    {
        Directory.CreateDirectory("scans");
        for (int i = 0; i < 8; i++) ImageColumnTests.WriteBitmap($"scans/{i}.bmp", [.. RandomImage(i).SelectMany(pixel => Enumerable.Repeat((byte)(pixel * 255), 3))], 28);
        var mlContext = new MLContext();
        IDataView files = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(i => new ImageColumnTests.PictureRow { Path = $"{i}.bmp" }).ToArray());
        // begin pictures
        var pipeline = mlContext.Transforms.LoadImages("picture", "scans", "Path")
            .Append(mlContext.Transforms.ResizeImages("picture", 28, 28))
            .Append(mlContext.Transforms.ExtractPixels("image", "picture", ImagePixelExtractingEstimator.ColorBits.Red, scaleImage: 1 / 255f))
            .Append(mlContext.Transforms.AdaptOnnxModel("logits", "image", "digits-cnn.onnx"));
        using TransformerChain<OnnxAdaptationTransformer> adapted = pipeline.Fit(files);
        // end pictures
        Assert.AreEqual(8, adapted.LastTransformer.Report.Samples);
    });
#endif

    [TestMethod]
    public void The_bank_snippet_runs() => InFolderWithModel(() =>
    {
        OnnxModel model = OnnxModel.Load("digits-cnn.onnx");
        ISampleSource northImages = SampleSource.FromArrays([.. Enumerable.Range(0, 8).Select(RandomImage)], 1, 28, 28), southImages = SampleSource.FromArrays([.. Enumerable.Range(8, 8).Select(RandomImage)], 1, 28, 28);
        // begin bank
        AdaptationResult north = BatchNormAdapter.Adapt(model, northImages), south = BatchNormAdapter.Adapt(model, southImages);
        DomainBank bank = DomainBank.Of(model).With(north.ToPatch("north")).With(south.ToPatch("south"), id: 7);
        bank.ToModel().Save("sites.onnx");
        // end bank
        Assert.HasCount(2, DomainBank.Open(OnnxModel.Load("sites.onnx")).Domains);
    });

    [TestMethod]
    public void The_policy_snippet_decides()
    {
        using var folder = new TemporaryFolder();
        AdaptationResult result = BatchNormAdapter.Adapt(OnnxModel.Load(Repository.Model("digits-cnn.onnx")), SampleSource.FromArrays([.. Enumerable.Range(0, 8).Select(RandomImage)], 1, 28, 28),
            new AdaptationOptions { Policy = new HalfOfTheMeans() });
        foreach (LayerReport layer in result.Report.Layers) Assert.AreEqual((layer.SourceMean[0] + layer.TargetMean[0]) / 2, layer.AdaptedMean[0], 1e-9);
    }

    [TestMethod]
    [DataRow("docs/many-sites.md", "bank")]
    [DataRow("docs/choosing-a-policy.md", "policy")]
    [DataRow("README.md", "pipeline engine sites")]
    [DataRow("src/AdaBN/README.md", "engine")]
    [DataRow("src/AdaBN.MLNet/README.md", "pipeline")]
    [DataRow("docs/mlnet.md", "pipeline pictures saved more options")]
    public void A_page_shows_the_code_that_ran(string page, string expected)
    {
        string source = File.ReadAllText(Path.Combine(Repository.Root, "tests", "AdaBN.MLNet.Tests", "ReadmeTests.cs")).ReplaceLineEndings("\n");
        MatchCollection snippets = SnippetPattern().Matches(File.ReadAllText(Path.Combine(Repository.Root, page)).ReplaceLineEndings("\n"));
        Assert.AreEqual(expected, string.Join(' ', snippets.Select(snippet => snippet.Groups[1].Value)));
        foreach (Match snippet in snippets)
        {
            string code = Regex.Match(source, $@"// begin {snippet.Groups[1].Value}\n(.*?)\n *// end {snippet.Groups[1].Value}", RegexOptions.Singleline).Groups[1].Value;
            Assert.AreEqual(string.Join('\n', code.Split('\n').Select(line => line.Length >= 8 ? line[8..] : line)), snippet.Groups[2].Value);
        }
    }

    [TestMethod]
    public void Every_link_into_the_repository_leads_somewhere()
    {
        foreach (string page in (string[])["README.md", "ARCHITECTURE.md", .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(file => $"docs/{Path.GetFileName(file)}")])
        {
            string file = Path.Combine(Repository.Root, page);
            foreach (Match link in LinkPattern().Matches(File.ReadAllText(file)))
                Assert.IsTrue(Path.Exists(Path.Combine(Path.GetDirectoryName(file)!, link.Groups[1].Value)), $"{page}: {link.Value}");
        }
    }

    [TestMethod]
    public void Troubleshooting_quotes_messages_that_there_are()
    {
        string sources = string.Concat(Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "troubleshooting.md"));
        string[] quoted = [.. page.Split('\n').Where(line => line.StartsWith("| \"", StringComparison.Ordinal)).SelectMany(line => Regex.Matches(line.Split('|')[1], "\"([^\"]+)\"").Select(match => match.Groups[1].Value))];
        Assert.IsGreaterThan(20, quoted.Length);
        string[] unknown = [.. quoted.Where(quote => !sources.Contains(quote, StringComparison.Ordinal))];
        Assert.IsEmpty(unknown, string.Join("; ", unknown));
    }

        // begin policy
        internal sealed class HalfOfTheMeans : IAdaptationPolicy
        {
            public string Description => "half of the way in means, variances kept";

            public ChannelStatistics Decide(LayerEvidence layer) => new(
                [.. layer.Source.Mean.Zip(layer.Target.Mean, (source, target) => (source + target) / 2)],
                layer.Source.Variance);
        }
        // end policy

    private static float[] RandomImage(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 784).Select(_ => random.NextSingle())];
    }

    private static void InFolderWithModel(Action action)
    {
        using var folder = new TemporaryFolder();
        string previous = Directory.GetCurrentDirectory();
        File.Copy(Repository.Model("digits-cnn.onnx"), folder.File("digits-cnn.onnx"));
        Directory.SetCurrentDirectory(folder.Path);
        try
        {
            action();
        }
        finally
        {
            Directory.SetCurrentDirectory(previous);
        }
    }

    private sealed class SiteRow
    {
        [ColumnName("image"), VectorType(784)]
        public float[] Image { get; set; } = [];

        [ColumnName("site")]
        public long Site { get; set; }
    }

    private sealed class DigitRow
    {
        [ColumnName("image"), VectorType(784)]
        public float[] Image { get; set; } = [];
    }

    [GeneratedRegex(@"<!-- snippet: (\w+) -->\n```csharp\n(.*?)\n```\n<!-- snippet -->", RegexOptions.Singleline)]
    private static partial Regex SnippetPattern();

    [GeneratedRegex(@"\]\((?!http)([^)#]+)\)")]
    private static partial Regex LinkPattern();
}

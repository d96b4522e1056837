// One classifier, three sites, one data view: each row says whose it is. AdaptOnnxModel with a domain column reads the rows once, adapts to each
// site, and scores each row by its own site's statistics, all with a single ONNX model.
using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json;
using AdaBN;
using AdaBN.MLNet;
using AdaBN.Onnx;
using ManySites;
using Microsoft.ML;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string outFolder = args is ["--out", var folder] ? folder : "many-sites";
Directory.CreateDirectory(outFolder);
string modelFile = Path.Combine(AppContext.BaseDirectory, "digits-cnn.onnx"), bankFile = Path.Combine(outFolder, "digits-cnn.sites.onnx"), patchFile = Path.Combine(outFolder, "site-2.adabn");

var mlContext = new MLContext(seed: 1);
IReadOnlyList<SiteDigit> digits = Sites.Load(Path.Combine(AppContext.BaseDirectory, "data"));
IDataView rows = mlContext.Data.LoadFromEnumerable(digits);

var source = mlContext.Transforms.ApplyOnnxModel("logits", "image", modelFile).Fit(rows);
using OnnxAdaptationTransformer together = mlContext.Transforms.AdaptOnnxModel("logits", "image", modelFile).Fit(rows);
using OnnxAdaptationTransformer bank = mlContext.Transforms.AdaptOnnxModel("logits", "image", modelFile, domainColumnName: "site").Fit(rows);

var accuracies = Sites.All.Select(site => new { site = site.Name, source = Accuracy(source, site.Id), together = Accuracy(together, site.Id), bank = Accuracy(bank, site.Id) }).ToArray();
Console.WriteLine("\nAccuracy in percent           source   one set of statistics   a set a site");
foreach (var row in accuracies) Console.WriteLine($"{row.site,-28} {row.source,7:0.0} {row.together,23:0.0} {row.bank,14:0.0}");
foreach ((long id, AdaptationReport report) in bank.Domains!.Reports.OrderBy(entry => entry.Key)) Console.WriteLine($"site {id}: {report.Method}; verdict {report.Verdict.Kind}");

// The bank is one file. A site's statistics alone are a small one, which makes of the source model what the site needs.
bank.SaveOnnx(bankFile);
DomainBank.Open(OnnxModel.Load(bankFile)).Export("2").Save(patchFile);
OnnxModel site2 = DomainPatch.Load(patchFile).ApplyTo(OnnxModel.Load(modelFile));
string site2File = Path.Combine(outFolder, "digits-cnn.site-2.onnx");
site2.Save(site2File);
double alone = Accuracy(mlContext.Transforms.ApplyOnnxModel("logits", "image", site2File).Fit(rows), 2);
Console.WriteLine($"""

    Wrote {bankFile}: {new FileInfo(bankFile).Length / 1024} KB, {bank.Domains.Bank.Domains.Count} sites; the source model has {new FileInfo(modelFile).Length / 1024} KB.
    Wrote {patchFile}: {new FileInfo(patchFile).Length / 1024} KB, the statistics of site 2; applied to the source model they read {alone:0.0} % of its digits.
    """);
File.WriteAllText(Path.Combine(outFolder, "result.json"), JsonSerializer.Serialize(new { sites = accuracies, alone }, new JsonSerializerOptions { WriteIndented = true }));
return 0;

double Accuracy(ITransformer step, long site)
{
    SiteReading[] readings = [.. mlContext.Data.CreateEnumerable<SiteReading>(step.Transform(rows), reuseRowObject: false).Where(reading => reading.Site == site)];
    return 100.0 * readings.Count(reading => TensorPrimitives.IndexOfMax(reading.Logits) == reading.Label) / readings.Length;
}

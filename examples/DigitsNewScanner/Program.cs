// A digit classifier trained on MNIST meets digits from another scanner. No labels from there, no training: the chain below is
// fitted on the new site's unlabeled scans, and AdaptOnnxModel re-estimates the model's BatchNormalization statistics on them.
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using AdaBN;
using AdaBN.Images;
using AdaBN.MLNet;
using AdaBN.Onnx;
using DigitsNewScanner;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string outFolder = args is ["--out", var folder] ? folder : "demo";
Directory.CreateDirectory(outFolder);
string modelFile = Path.Combine(AppContext.BaseDirectory, "digits-cnn.onnx");
string dataFolder = Path.Combine(AppContext.BaseDirectory, "data");

var mlContext = new MLContext(seed: 1);
mlContext.ComponentCatalog.RegisterAssembly(typeof(ScanToImage).Assembly); // lets saved chains find the mappings
IReadOnlyList<Scan> scans = Scan.Load(Path.Combine(dataFolder, "optdigits.csv.gz"));
IReadOnlyList<SourceDigit> control = SourceDigit.Load(Path.Combine(dataFolder, "mnist-control.csv.gz"));
IDataView scanView = mlContext.Data.LoadFromEnumerable(scans);
IDataView controlView = mlContext.Data.LoadFromEnumerable(control);

// The same chain three times: with the model as it is, adapted to the new scanner, adapted to more of its own domain.
var scanToImage = mlContext.Transforms.CustomMapping<Pixels64, ModelImage>(ScanToImage.Map, ScanToImage.Contract);
var bytesToImage = mlContext.Transforms.CustomMapping<Pixels784, ModelImage>(BytesToImage.Map, BytesToImage.Contract);
var logitsToDigit = mlContext.Transforms.CustomMapping<ModelLogits, RecognizedDigit>(LogitsToDigit.Map, LogitsToDigit.Contract);
var sourceModel = mlContext.Transforms.ApplyOnnxModel("logits", "image", modelFile);
var adaptedModel = mlContext.Transforms.AdaptOnnxModel("logits", "image", modelFile, environment: mlContext);
var pipeline = scanToImage.Append(adaptedModel).Append(logitsToDigit);

long start = Stopwatch.GetTimestamp();
var adapted = pipeline.Fit(scanView);
double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

OnnxAdaptationTransformer step = ((IEnumerable<ITransformer>)adapted).OfType<OnnxAdaptationTransformer>().Single();
double before = Accuracy(scanToImage.Append(sourceModel).Append(logitsToDigit).Fit(scanView), scanView);
double after = Accuracy(adapted, scanView);
var fittedOnHalf = pipeline.Fit(mlContext.Data.LoadFromEnumerable(scans.Where((_, i) => i % 2 == 0)));
double afterHeldOutHalf = Accuracy(fittedOnHalf, mlContext.Data.LoadFromEnumerable(scans.Where((_, i) => i % 2 == 1)));
double controlBefore = Accuracy(bytesToImage.Append(sourceModel).Append(logitsToDigit).Fit(controlView), controlView);
double controlAfter = Accuracy(bytesToImage.Append(adaptedModel).Append(logitsToDigit).Fit(controlView), controlView);

Console.WriteLine($"""

    Accuracy in percent                                     before    after
    new scanner, {scans.Count} scans, all of them unlabeled    {before,9:0.0} {after,8:0.0}
      statistics from one half, accuracy on the other       {"",9} {afterHeldOutHalf,5:0.0}
    control: {control.Count} unseen MNIST digits, adapted to these  {controlBefore,6:0.0} {controlAfter,8:0.0}

    layer                                     channels  shift (symmetric KL)
    """);
foreach (LayerReport layer in step.Report.Layers) Console.WriteLine($"{layer.Name,-40} {layer.Channels,9} {layer.Shift,9:0.000}");
foreach (string finding in step.Report.Findings) Console.WriteLine($"note: {finding}");
Console.WriteLine($"\nVerdict: {step.Report.Verdict.Kind}. {string.Join(" ", step.Report.Verdict.Reasons)}");
Console.WriteLine($"Adapted on {step.Report.Samples} scans in {seconds:0.00} s: {step.Report.Method}.");

string onnxFile = Path.Combine(outFolder, "digits-cnn.new-scanner.onnx");
string zipFile = Path.Combine(outFolder, "digits-new-scanner.zip");
string resultFile = Path.Combine(outFolder, "result.json");
step.SaveOnnx(onnxFile);
mlContext.Model.Save(adapted, scanView.Schema, zipFile);
File.WriteAllText(resultFile, JsonSerializer.Serialize(
    new
    {
        target = new { before, after, afterHeldOutHalf },
        control = new { before = controlBefore, after = controlAfter },
        verdict = step.Report.Verdict.Kind.ToString(),
        images = step.Report.Samples,
        seconds,
    },
    new JsonSerializerOptions { WriteIndented = true }));

// The same for people: a page with the verdict, charts, and scans that are read differently now.
string reportFile = Path.Combine(outFolder, "report.html");
ISampleSource images = SampleSource.FromArrays(scans.Select(Image), 1, 28, 28);
PredictionReview? review = PredictionReview.Of(OnnxModel.Load(modelFile), step.Model, images, pictureOf: tensors => SamplePicture.ToPng(images.Inputs[0], tensors[0]));
File.WriteAllText(reportFile, step.Report.ToHtml(new ReportContext
{
    Date = DateTimeOffset.UtcNow, Models = [Path.GetFileName(modelFile)], Data = ["optdigits.csv.gz"], Written = new ReportFile(Path.GetFileName(onnxFile), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(onnxFile)))), Predictions = review,
}));

// What was written must score as the chain in memory does: the file in plain ONNX Runtime, the zip in a fresh MLContext.
float[][] expected = Logits(adapted.Transform(scanView));
var freshContext = new MLContext();
freshContext.ComponentCatalog.RegisterAssembly(typeof(ScanToImage).Assembly);
float[][] fromZip = Logits(freshContext.Model.Load(zipFile, out _).Transform(scanView));
double onnxDifference = LargestDifference(expected, ScoreWithOnnxRuntime(onnxFile));
double zipDifference = LargestDifference(expected, fromZip);
Console.WriteLine($"""
    Wrote {onnxFile}: plain ONNX Runtime differs by {onnxDifference:0.0e+0} at most.
    Wrote {zipFile}: the loaded pipeline differs by {zipDifference:0.0e+0} at most.
    Wrote {resultFile} and {reportFile}.
    """);
const double Tolerance = 1e-5;
if (onnxDifference <= Tolerance && zipDifference <= Tolerance) return 0;
Console.Error.WriteLine($"The artefacts do not score as the chain did: more than {Tolerance:0e+0} apart.");
return 1;

double Accuracy(ITransformer chain, IDataView digits)
{
    Reading[] readings = [.. mlContext.Data.CreateEnumerable<Reading>(chain.Transform(digits), reuseRowObject: false)];
    return 100.0 * readings.Count(reading => reading.Digit == reading.Label) / readings.Length;
}

float[][] Logits(IDataView scored) => [.. mlContext.Data.CreateEnumerable<Reading>(scored, reuseRowObject: false).Select(reading => reading.Logits)];

float[][] ScoreWithOnnxRuntime(string file)
{
    using var session = new InferenceSession(file);
    return [.. scans.Select(scan =>
    {
        using OrtValue input = OrtValue.CreateTensorValueFromMemory(Image(scan), [1, 1, 28, 28]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, new Dictionary<string, OrtValue> { ["image"] = input }, ["logits"]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    })];
}

static float[] Image(Scan scan)
{
    var image = new ModelImage();
    ScanToImage.Map(new Pixels64 { Pixels = scan.Pixels }, image);
    return image.Image;
}

static double LargestDifference(float[][] expected, float[][] actual) =>
    expected.Zip(actual, (e, a) => e.Zip(a, (x, y) => (double)Math.Abs(x - y)).Max()).Max();

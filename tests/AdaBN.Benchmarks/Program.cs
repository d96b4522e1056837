using System.Diagnostics;
using System.Globalization;
using AdaBN;
using AdaBN.Onnx;
using AdaBN.TestSupport;
using Microsoft.ML.OnnxRuntime;

// Exact adaptation beside plain inference on the same images, in one warm process: read the ratio, not the milliseconds.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
int rounds = args.Contains("--quick") ? 3 : 7;
const int Samples = 2048, Batch = 32;
OnnxModel model = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));
string input = model.Graph.RequiredInputs.Single().Name;
int[] shape = [.. model.Graph.RequiredInputs.Single().Type!.Shape!.Value.Skip(1).Select(axis => (int)axis.Length!.Value)];
int length = shape.Aggregate((a, b) => a * b);
var random = new Random(1);
float[][] images = [.. Enumerable.Range(0, Samples).Select(_ => Enumerable.Range(0, length).Select(_ => random.NextSingle()).ToArray())];

using var sessionOptions = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
using var session = new InferenceSession(model.ToBytes(), sessionOptions);
List<double> inference = [], exact = [];
for (int round = 0; round <= rounds; round++)
{
    double first = Time(Score), second = Time(() => BatchNormAdapter.Adapt(model, SampleSource.FromArrays(images, shape)));
    if (round == 0) continue; // warm-up
    inference.Add(first);
    exact.Add(second);
}
Console.WriteLine($"digits-cnn, {Samples} images, {Environment.ProcessorCount} processors, ONNX Runtime {OrtEnv.Instance().GetVersionString()}, medians of {rounds}:");
Console.WriteLine($"| system | ms | ratio to inference |\n|---|---|---|");
Console.WriteLine($"| inference, one session, one batch a core | {Median(inference):0} | 1.00 |");
Console.WriteLine($"| exact adaptation | {Median(exact):0} | {Median([.. exact.Zip(inference, (e, i) => e / i)]):0.00} |");

void Score() => Parallel.For(0, Samples / Batch, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, chunk =>
{
    var buffer = new float[Batch * length];
    for (int i = 0; i < Batch; i++) images[(chunk * Batch) + i].CopyTo(buffer, i * length);
    using OrtValue value = OrtValue.CreateTensorValueFromMemory(buffer, [Batch, .. shape.Select(axis => (long)axis)]);
    using var options = new RunOptions();
    session.Run(options, new Dictionary<string, OrtValue> { [input] = value }, session.OutputNames).Dispose();
});

static double Time(Action action)
{
    long start = Stopwatch.GetTimestamp();
    action();
    return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}

static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

// One ML.NET pipeline, fitted by several processes at once, each on rows that only it has: mpirun -n 3 FleetFit --workers 3 --out fleet
// Every process ends with the same step, bit for bit; the first writes it down. Without a launcher, --workers 1 fits all rows alone.
using System.Globalization;
using System.Security.Cryptography;
using AdaBN;
using AdaBN.MLNet;
using AdaBN.Mpi;
using DigitsNewScanner;
using Microsoft.ML;

const int Shard = 64; // rows in multiples of this, in all processes but the last, give the bytes of one process that has them all

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is not ["--workers", var number, "--out", var outFolder] || !int.TryParse(number, out int workers) || workers < 1)
{
    Console.Error.WriteLine("usage: [mpirun -n N] FleetFit --workers N --out FOLDER");
    return 2;
}
if (workers == 1) return Fit(null);
MpiCommunicator ranks = MpiCommunicator.Start(workers);
try
{
    int exitCode = Fit(ranks);
    ranks.Dispose();
    return exitCode;
}
catch (Exception e)
{
    Console.Error.WriteLine($"rank {ranks.Rank} of {ranks.Size}: {e.Message}");
    ranks.Abort(1); // the others wait for this one
    throw;
}

int Fit(MpiCommunicator? fleet)
{
    var mlContext = new MLContext(seed: 1);
    (int rank, int size) = (fleet?.Rank ?? 0, fleet?.Size ?? 1);
    Scan[] own = OwnRows(rank, size);
    IDataView rows = mlContext.Data.LoadFromEnumerable(own);

    var pipeline = mlContext.Transforms.CustomMapping<Pixels64, ModelImage>(ScanToImage.Map, ScanToImage.Contract)
        .Append(mlContext.Transforms.AdaptOnnxModel("logits", "image", Path.Combine(AppContext.BaseDirectory, "digits-cnn.onnx"),
            new AdaptationOptions { Communicator = fleet, OwnSamples = fleet is not null }));
    var fitted = pipeline.Fit(rows);

    using OnnxAdaptationTransformer step = fitted.LastTransformer;
    string hash = Convert.ToHexStringLower(SHA256.HashData(step.Model.ToBytes()));
    Console.WriteLine($"rank {rank} of {size}: {own.Length} of {step.Report.Samples} rows, verdict {step.Report.Verdict.Kind}, model {hash}");
    if (rank > 0) return 0;
    Directory.CreateDirectory(outFolder);
    step.SaveOnnx(Path.Combine(outFolder, "digits-cnn.fleet.onnx"));
    mlContext.Model.Save(fitted, rows.Schema, Path.Combine(outFolder, "digits.fleet.zip"));
    return 0;
}

// Stands for what a machine has on its own disk; here each takes its shards of one file.
static Scan[] OwnRows(int rank, int size)
{
    IReadOnlyList<Scan> all = Scan.Load(Path.Combine(AppContext.BaseDirectory, "data", "optdigits.csv.gz"));
    int shards = (all.Count + Shard - 1) / Shard;
    return [.. all.Take((rank + 1) * shards / size * Shard).Skip(rank * shards / size * Shard)];
}

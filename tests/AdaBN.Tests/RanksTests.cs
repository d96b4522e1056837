using AdaBN.Distributed;
using AdaBN.Forms;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Several processes measure a share each: the bytes are those of one that measures all.</summary>
[TestClass]
public sealed class RanksTests
{
    private static readonly OnnxModel _digits = OnnxModel.Load(Repository.Model("digits-cnn.onnx"));

    public static IEnumerable<object[]> Goldens => GoldenCase.Names;

    [TestMethod]
    [DataRow("auto")]
    [DataRow("adabn")]
    [DataRow("trimmed")]
    [DataRow("median")]
    [DataRow("batch 100")]
    [DataRow("batch 1")]
    [DataRow("most 700")]
    [DataRow("labelled")]
    [DataRow("half precision")]
    public void Any_number_of_ranks_gives_the_bytes_of_one_process(string how)
    {
        float[][] scans = ShippedDigits.Scans.Images;
        AdaptationOptions options = how switch
        {
            "auto" => new AdaptationOptions(),
            "adabn" => PaperAdaBN.Options,
            "trimmed" => PaperAdaBN.Options with { Policy = AdaptationPolicy.AdaBN.Trimmed(0.1) },
            "median" => PaperAdaBN.Options with { Policy = AdaptationPolicy.AdaBN.MedianOfBatches(9) },
            "batch 100" => PaperAdaBN.Options with { BatchSize = 100 },
            "batch 1" => PaperAdaBN.Options with { BatchSize = 1, MaxSamples = 200 },
            "most 700" => new AdaptationOptions { MaxSamples = 700 },
            "labelled" => new AdaptationOptions { Labelled = new LabelledSamples(SampleSource.FromArrays(scans[..100], 1, 28, 28), ShippedDigits.Scans.Labels[..100]) },
            _ => PaperAdaBN.Options with { HalfPrecisionActivations = true },
        };
        AdaptationResult alone = BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28), options);
        foreach (int size in (int[])[1, 2, 3, 4, 7])
        {
            AdaptationResult[] together = ThreadRanks.Run(size, ranks =>
                BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28), options with { Communicator = ranks, Workers = 1 }));
            foreach (AdaptationResult result in together)
            {
                CollectionAssert.AreEqual(alone.Model.ToBytes(), result.Model.ToBytes(), $"{size} ranks");
                Assert.AreEqual(alone.Report.ToJson(), result.Report.ToJson(), $"{size} ranks");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Goldens))]
    public void Any_form_of_model_gives_the_bytes_of_one_process(string name)
    {
        var golden = new GoldenCase(name);
        byte[] alone = BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options).Model.ToBytes();
        foreach (int size in (int[])[2, 5])
        {
            foreach (byte[] bytes in ThreadRanks.Run(size, ranks => BatchNormAdapter.Adapt(golden.Model, golden.Source(), PaperAdaBN.Options with { Communicator = ranks, Workers = 1 }).Model.ToBytes()))
                CollectionAssert.AreEqual(alone, bytes, $"{size} ranks");
        }
    }

    [TestMethod]
    public void A_film_is_worth_the_same_images_wherever_it_is_cut()
    {
        float[][] film = [.. ShippedDigits.Scans.Images.Take(60).SelectMany(scan => Enumerable.Repeat(scan, 10))];
        AdaptationReport alone = BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(film, 1, 28, 28), PaperAdaBN.Options).Report;
        Assert.IsLessThan(100, alone.EffectiveImages);
        foreach (int size in (int[])[2, 3, 8])
        {
            foreach (AdaptationReport report in ThreadRanks.Run(size, ranks => BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(film, 1, 28, 28), PaperAdaBN.Options with { Communicator = ranks, Workers = 1 }).Report))
                Assert.AreEqual(alone.EffectiveImages, report.EffectiveImages);
        }
    }

    [TestMethod]
    public void Own_samples_in_whole_shards_give_the_bytes_of_one_process_and_any_give_all_ranks_the_same()
    {
        float[][] scans = ShippedDigits.Scans.Images;
        byte[] Adapt(ICommunicator ranks, int[] ends)
        {
            float[][] own = scans[(ranks.Rank == 0 ? 0 : ends[ranks.Rank - 1])..ends[ranks.Rank]];
            return BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(own, 1, 28, 28), PaperAdaBN.Options with { Communicator = ranks, OwnSamples = true, Workers = 1 }).Model.ToBytes();
        }
        byte[] alone = BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28), PaperAdaBN.Options).Model.ToBytes();
        foreach (byte[] bytes in ThreadRanks.Run(3, ranks => Adapt(ranks, [640, 1024, 1797]))) CollectionAssert.AreEqual(alone, bytes);

        byte[][] uneven = ThreadRanks.Run(4, ranks => Adapt(ranks, [7, 7, 900, 1797]));
        foreach (byte[] bytes in uneven) CollectionAssert.AreEqual(uneven[0], bytes);
    }

    [TestMethod]
    public void A_rank_that_differs_is_told_with_what()
    {
        float[][] scans = ShippedDigits.Scans.Images[..200];
        AdaptationException Refused(Func<ICommunicator, AdaptationResult> work) => Assert.ThrowsExactly<AdaptationException>(() => ThreadRanks.Run(3, work));

        AdaptationException policy = Refused(ranks => BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28),
            PaperAdaBN.Options with { Communicator = ranks, Policy = ranks.Rank == 2 ? AdaptationPolicy.Mix(0.5) : AdaptationPolicy.AdaBN }));
        Assert.AreEqual(AdaptationError.RanksDiffer, policy.Error);
        Assert.Contains("Settings of rank 2", policy.Message);

        OnnxModel other = OnnxModel.FromBytes(BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28), PaperAdaBN.Options).Model.ToBytes());
        AdaptationException model = Refused(ranks => BatchNormAdapter.Adapt(ranks.Rank == 1 ? other : _digits,
            SampleSource.FromArrays(scans, 1, 28, 28), PaperAdaBN.Options with { Communicator = ranks }));
        Assert.Contains("The model of rank 1", model.Message);

        AdaptationException samePolicyInWords = Refused(ranks => BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28),
            PaperAdaBN.Options with { Communicator = ranks, Policy = AdaptationPolicy.Mix(ranks.Rank == 2 ? 0.501 : 0.5) }));
        Assert.AreEqual(AdaptationError.RanksDiffer, samePolicyInWords.Error);
        Assert.Contains("The digest of the decided statistics of rank 2", samePolicyInWords.Message);
    }

    [TestMethod]
    public void Samples_of_unknown_number_are_counted_first()
    {
        float[][] scans = ShippedDigits.Scans.Images[..500];
        ISampleSource Uncounted(IEnumerable<float[]> images) => SampleSource.FromArrays(images.Where(_ => true), 1, 28, 28);
        byte[] alone = BatchNormAdapter.Adapt(_digits, Uncounted(scans), PaperAdaBN.Options).Model.ToBytes();
        foreach (byte[] bytes in ThreadRanks.Run(3, ranks => BatchNormAdapter.Adapt(_digits, Uncounted(scans), PaperAdaBN.Options with { Communicator = ranks, Workers = 1 }).Model.ToBytes()))
            CollectionAssert.AreEqual(alone, bytes);
        foreach (byte[] bytes in ThreadRanks.Run(2, ranks => BatchNormAdapter.Adapt(_digits, Uncounted(ranks.Rank == 0 ? scans[..320] : scans[320..]), PaperAdaBN.Options with { Communicator = ranks, OwnSamples = true, Workers = 1 }).Model.ToBytes()))
            CollectionAssert.AreEqual(alone, bytes);
    }

    [TestMethod]
    public void An_unreadable_sample_ends_all_ranks_and_names_it()
    {
        float[][] scans = [.. ShippedDigits.Scans.Images[..400].Select(scan => (float[])scan.Clone())];
        scans[333][5] = float.NaN;
        AdaptationException Adapt(AdaptationOptions options) => Assert.ThrowsExactly<AdaptationException>(() => ThreadRanks.Run(3, ranks =>
            BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28), options with { Communicator = ranks })));
        AdaptationException e = Adapt(PaperAdaBN.Options);
        Assert.AreEqual(AdaptationError.NonFinite, e.Error);
        Assert.StartsWith("Stage 0 of 0 to 4, samples 256 to 399: Sample 333", e.Message);
        Assert.StartsWith("Reading, samples 256 to 399: Sample 333", Adapt(new AdaptationOptions()).Message);
    }

    [TestMethod]
    public void A_source_that_fails_is_told_by_its_own_words_and_other_threads_find_an_end()
    {
        var torn = new Torn(ShippedDigits.Scans.Images, 5);
        InputBinding binding = InputBinding.Bind(_digits, [.. _digits.Graph.RequiredInputs], torn.Inputs);
        using var reader = new BatchReader(binding, torn, share: Share.Of(new Ranks(new GivenParts(0, 0, 2)), 1797, 2));
        Memory<float>[] buffers = [new float[2 * 784]];
        Assert.IsNotNull(reader.TryRead(buffers, 2));
        Assert.IsNotNull(reader.TryRead(buffers, 2));
        Assert.ThrowsExactly<InvalidDataException>(() => reader.TryRead(buffers, 2));
        Assert.IsNull(reader.TryRead(buffers, 2));

        AdaptationException e = Assert.ThrowsExactly<AdaptationException>(() => ThreadRanks.Run(2, ranks => BatchNormAdapter.Adapt(_digits, torn, PaperAdaBN.Options with { Communicator = ranks })));
        Assert.IsInstanceOfType<InvalidDataException>(e.InnerException, e.Message);
        Assert.EndsWith(": Torn.", e.Message);
    }

    [TestMethod]
    public void What_fails_on_a_rank_is_told_with_its_stage_and_samples()
    {
        float[][] scans = ShippedDigits.Scans.Images[..200];
        AdaptationException Adapt(Func<ICommunicator, ICommunicator> over, IAdaptationPolicy? policy = null) => Assert.ThrowsExactly<AdaptationException>(() => ThreadRanks.Run(3, ranks =>
            BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(scans, 1, 28, 28), PaperAdaBN.Options with { Communicator = over(ranks), AllowUnlikeRanks = true, Policy = policy ?? AdaptationPolicy.AdaBN })));

        // One exchange is of machines, one compares settings, two are of stage 0, and the next of stage 1.
        AdaptationException silent = Adapt(ranks => new Silent(ranks, after: 4, missing: [0, 2]));
        Assert.AreEqual(AdaptationError.RanksSilent, silent.Error);
        Assert.AreEqual("Stage 1 of 0 to 4: Nobody came. Rank 0 has samples 0 to 63. Rank 2 has samples 128 to 199.", silent.Message);
        Assert.IsInstanceOfType<SilentRanksException>(silent.InnerException);

        AdaptationException failed = Adapt(ranks => ranks, new Failing());
        Assert.AreEqual(AdaptationError.RankFailed, failed.Error);
        Assert.IsInstanceOfType<NotSupportedException>(failed.InnerException);
        Assert.IsTrue(failed.Message is "Stage 2 of 0 to 4, samples 0 to 63: Not this layer." or "Stage 2 of 0 to 4, samples 64 to 127: Not this layer." or "Stage 2 of 0 to 4, samples 128 to 199: Not this layer.", failed.Message);
    }

    [TestMethod]
    public void Ranks_on_one_machine_divide_its_memory_and_its_samples()
    {
        ISampleSource samples = SampleSource.FromArrays(ShippedDigits.Scans.Images[..600], 1, 28, 28); // ten shards
        long Budget(ICommunicator? ranks, long? given)
        {
            using var run = new AdaptationRun(WorkingModel.Of(_digits, null, null), samples, PaperAdaBN.Options with { Communicator = ranks, MaxMemory = given });
            return run.MaxMemory;
        }
        long alone = Budget(null, null);
        Assert.AreEqual(PaperAdaBN.Options.EffectiveMaxMemory, alone);
        foreach (long each in ThreadRanks.Run(4, ranks => Budget(ranks, null))) Assert.AreEqual(alone / 4, each, 1 << 20);
        foreach (long each in ThreadRanks.Run(4, ranks => Budget(ranks, 1000))) Assert.AreEqual(1000, each);

        MemoryEstimate whole = BatchNormAdapter.EstimateMemory(_digits, samples, PaperAdaBN.Options);
        foreach (MemoryEstimate part in ThreadRanks.Run(4, ranks => BatchNormAdapter.EstimateMemory(_digits, samples, PaperAdaBN.Options with { Communicator = ranks })))
            Assert.AreEqual(whole.Activations * 192.0 / 600, part.Activations, 0.02 * part.Activations); // three shards
    }

    [TestMethod]
    public void Banks_do_not_take_what_is_of_one_domain()
    {
        float[][] scans = ShippedDigits.Scans.Images[..128];
        IDomainSampleSource samples = SampleSource.WithDomains(SampleSource.FromArrays(scans, 1, 28, 28), scans.Select((_, i) => 1L + (i % 2)));
        foreach (AdaptationOptions options in (AdaptationOptions[])[PaperAdaBN.Options with { OwnSamples = true }, PaperAdaBN.Options with { StateFile = Path.Combine(Path.GetTempPath(), "bank.state") }])
        {
            Assert.Contains("is of one domain's adaptation", Assert.ThrowsExactly<ArgumentException>(() => DomainBank.Of(_digits, "domain").Adapt(samples, options)).Message);
            Assert.Contains("is of one domain's adaptation", Assert.ThrowsExactly<ArgumentException>(() => DomainBank.AdaptMixed(_digits, SampleSource.FromArrays(scans, 1, 28, 28), options)).Message);
        }
        byte[] alone = DomainBank.Of(_digits, "domain").Adapt(samples, PaperAdaBN.Options).Bank.ToModel().ToBytes();
        foreach (byte[] bytes in ThreadRanks.Run(2, ranks => DomainBank.Of(_digits, "domain").Adapt(samples, PaperAdaBN.Options with { Communicator = ranks, Workers = 1 }).Bank.ToModel().ToBytes()))
            CollectionAssert.AreEqual(alone, bytes);
    }

    [TestMethod]
    public void What_is_exchanged_grows_only_as_the_logarithm_of_the_samples()
    {
        long Traffic(int samples)
        {
            ThreadRanks.Run(2, ranks => BatchNormAdapter.Adapt(_digits, SampleSource.FromArrays(ShippedDigits.Scans.Images[..samples], 1, 28, 28), PaperAdaBN.Options with { Communicator = ranks, JudgementImages = 0 }).Report.Samples, out long traffic);
            return traffic;
        }
        long few = Traffic(256); // 4 shards: a node a rank
        Assert.IsLessThan((3 * few) + (few / 10), Traffic(1792)); // 28 shards: 8 + 4 + 2 a rank
    }

    [TestMethod]
    public void Shards_are_dealt_out_whole_and_completely()
    {
        foreach ((int total, int? batch) in ((int, int?)[])[(1, null), (63, null), (64, null), (1797, null), (1000, 100), (1000, 30), (500, 1)])
        {
            foreach (int size in (int[])[1, 2, 3, 4, 16])
            {
                Share[] shares = ThreadRanks.Run(size, ranks => Share.Of(new Ranks(ranks), total, batch));
                Assert.AreEqual(total, shares.Sum(share => share.Count));
                foreach ((Share share, Share next) in shares.Zip(shares.Skip(1)))
                {
                    Assert.AreEqual(share.Before + share.Count, next.Before);
                    Assert.IsTrue(next.IsEmpty || next.Before % share.ShardRows == 0);
                    Assert.IsTrue(share.ShardRows >= 64 && share.ShardRows % (batch ?? 64) == 0);
                }
            }
        }
    }

    /// <summary>Ranks that some do not come to, after a number of exchanges.</summary>
    private sealed class Silent(ICommunicator inner, int after, int[] missing) : ICommunicator
    {
        private int _exchanges;

        public int Rank => inner.Rank;

        public int Size => inner.Size;

        public IReadOnlyList<byte[]> AllGather(ReadOnlyMemory<byte> mine, CancellationToken cancellationToken = default) =>
            _exchanges++ < after ? inner.AllGather(mine, cancellationToken) : throw new SilentRanksException("Nobody came.", missing);
    }

    /// <summary>Samples of which one cannot be read, and none after it.</summary>
    private sealed class Torn(float[][] samples, int at) : ISampleSource
    {
        public IReadOnlyList<SampleInput> Inputs { get; } = [new SampleInput(null, [1, 28, 28])];

        public long? Count => samples.Length;

        public ISampleReader OpenReader() => SampleSource.FromArrays(Read(), 1, 28, 28).OpenReader();

        private IEnumerable<float[]> Read()
        {
            foreach (float[] sample in samples[..at]) yield return sample;
            throw new InvalidDataException("Torn.");
        }
    }

    private sealed class Failing : IAdaptationPolicy
    {
        public string Description => "failing";

        public ChannelStatistics Decide(LayerEvidence layer) => layer.Layer.Depth < 2 ? layer.Target : throw new NotSupportedException("Not this layer.");
    }
}

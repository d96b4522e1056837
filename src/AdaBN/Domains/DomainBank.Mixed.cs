using System.Collections.Immutable;
using System.Globalization;
using AdaBN.Discovery;
using AdaBN.Domains;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Storage;

namespace AdaBN;

public sealed partial class DomainBank
{
    /// <summary>
    /// Finds the domains in a set of samples that nobody told apart (contrast, noise, blur, light: whatever changes a picture's texture), adapts the source model to each, and has the
    /// bank tell the domain of an image from the image itself. The samples are read once. docs/mixed.md has the method, and when it pays.
    /// </summary>
    /// <param name="source">The source model; it is not changed.</param>
    /// <param name="samples">Samples of one domain or several; one tensor of each is a picture (channels, height, width), 3×3 pixels or more.</param>
    /// <param name="options">Settings, for each domain by itself but for <see cref="AdaptationOptions.MaxSamples"/>, which is of the whole set; defaults where null.</param>
    /// <param name="mostDomains">The most domains to find, from 1.</param>
    /// <param name="progress">Told after each batch, from worker threads; the stages of all domains are counted together.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The bank, whose model has the source model's inputs; each domain's report; and each sample's domain. One domain where the samples seem to be of one.</returns>
    /// <exception cref="AdaptationException">The model or the samples cannot be used, or the samples are no pictures.</exception>
    /// <exception cref="ArgumentException">The options are out of range, or labelled samples, own samples or a state file are given.</exception>
    public static DomainBankResult AdaptMixed(
        OnnxModel source, ISampleSource samples, AdaptationOptions? options = null, int mostDomains = ImageClusters.Most, IProgress<AdaptationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentOutOfRangeException.ThrowIfLessThan(mostDomains, 1);
        options ??= new AdaptationOptions();
        options.Validate();
        RefuseWhatIsOfOne(options);
        DomainBank empty = Empty(source, inputName: null, UnknownDomain.UsesSource);
        using var allocator = new SlotAllocator(HalfOf(options), options.SpillFolder);
        HeldSamples held = Hold(source, samples, options, allocator, mostDomains, out DomainRouter router, out ImmutableArray<long> ids, cancellationToken);
        DomainBankResult result = empty.Adapt(held, ids, options with { MaxSamples = null }, id => $"cluster {id}", progress, cancellationToken);
        return result with { Bank = new DomainBank(result.Bank.Source, result.Bank._header with { Router = router }, result.Bank._entries), Assigned = ids };
    }

    private static HeldSamples Hold(
        OnnxModel model, ISampleSource samples, AdaptationOptions options, SlotAllocator allocator, int mostDomains, out DomainRouter router, out ImmutableArray<long> ids, CancellationToken cancellationToken)
    {
        InputBinding binding = InputBinding.Bind(model, [.. model.Graph.RequiredInputs], samples.Inputs, anyPrecision: true);
        SampleInput[] shaped = [.. binding.Sources.Select(source => new SampleInput(source.Target!.Name, [.. source.Shape.Select(length => (int)length)]))];
        int picture = Enumerable.Range(0, shaped.Length).FirstOrDefault(i => TextureFeatures.Apply(shaped[i]) && !ModelInput.HasChannelsLast(binding.Sources[i].Target!), -1);
        if (picture < 0)
        {
            throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture,
                $"Domains are told by the texture of pictures, but a sample is {string.Join(", ", shaped.Select(input => input.ToString()))}; expected a tensor of (channels, height, width), channels first, at most {TextureFeatures.MostPlanes} of them, 3×3 pixels or more. Say yourself which sample is of which domain."));
        }
        var held = new HeldSamples(samples.Inputs, allocator);
        List<double[]> moments = [];
        using (var reader = new BatchReader(binding, samples, options.MaxSamples))
        {
            float[][] sample = [.. shaped.Select(input => new float[input.Length])];
            Memory<float>[] buffers = [.. sample.Select(tensor => tensor.AsMemory())];
            while (reader.TryRead(buffers, rows: 1) is not null)
            {
                cancellationToken.ThrowIfCancellationRequested();
                held.Add(buffers);
                moments.Add(TextureFeatures.Moments(sample[picture], shaped[picture]));
            }
        }
        if (moments.Count == 0) throw new AdaptationException(AdaptationError.EmptyData, "The data holds no sample; give some hundred images.");
        double floor = TextureFeatures.FloorOf(moments);
        ImageClusters found = ImageClusters.Find([.. moments.Select(image => TextureFeatures.Of(image, floor))], mostDomains, cancellationToken: cancellationToken);
        router = new DomainRouter(shaped[picture].Name!, floor, found.Router.Weights, found.Router.Offsets, [.. Enumerable.Range(1, found.Count).Select(id => (long)id)]);
        ids = [.. found.Assignment.Select(cluster => cluster + 1L)];
        return held;
    }
}

namespace AdaBN;

/// <summary>How far two domains lie apart in a layer.</summary>
public static class DomainShift
{
    /// <summary>
    /// Mean over channels of the symmetric Kullback–Leibler divergence between the two domains' Gaussians, KL(s‖t) + KL(t‖s) =
    /// ½·((v_s + d²)/v_t + (v_t + d²)/v_s) − 1 with d = m_s − m_t (Li et al., arXiv 1603.04779, section 4.3 compare domains so).
    /// </summary>
    /// <param name="sourceMean">Mean of each channel, source domain.</param>
    /// <param name="sourceVariance">Variance of each channel, source domain.</param>
    /// <param name="targetMean">Mean of each channel, target domain.</param>
    /// <param name="targetVariance">Variance of each channel, target domain.</param>
    /// <param name="epsilon">Added to the variances, as the layer itself does; keeps dead channels finite.</param>
    public static double SymmetricKL(
        IReadOnlyList<double> sourceMean, IReadOnlyList<double> sourceVariance, IReadOnlyList<double> targetMean, IReadOnlyList<double> targetVariance, double epsilon)
    {
        double sum = 0;
        for (int c = 0; c < sourceMean.Count; c++)
        {
            double delta = sourceMean[c] - targetMean[c];
            double source = sourceVariance[c] + epsilon, target = targetVariance[c] + epsilon;
            sum += (0.5 * (((source + (delta * delta)) / target) + ((target + (delta * delta)) / source))) - 1;
        }
        return sum / sourceMean.Count;
    }
}
